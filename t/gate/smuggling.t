# Requests that two readers could split in two ways, and what could be hidden
# in them: nothing goes upstream that the gate has not looked at.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

my $Key = $HXGate::Key{acme};
my $Server = HXGate::Server->new(http => HXGate::http_config() . <<"EOC",
upstream engine { server 127.0.0.1:@{[HX::port(1)]}; keepalive 4; }
EOC
    config => <<'EOC')->start;
hx_gate_operations hx-sdp;
client_header_timeout 100ms;
client_body_timeout 100ms;
keepalive_timeout 100ms;
lingering_timeout 100ms;
location /v1/ {
    hx_gate on;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_pass http://engine;
}
EOC

# What the second request of a smuggler would look like.
my $Inner = "GET /v1/get/other/k HTTP/1.1\r\nHost: a\r\n"
    . "X-HX-Tenant: evil\r\nX-HX-Namespace: other\r\n\r\n";

# All that comes back until the gate closes, which it soon does when no more
# comes.
sub raw {
    my ($text) = @_;
    HXGate::upstream_forget();
    my $s = HXGate::connect_to($Server->{port});
    HXGate::send_all($s, $text);
    my $in = '';
    1 while HXGate::more($s, \$in);
    return $in;
}

sub statuses { return join ' ', $_[0] =~ m{HTTP/1\.[01] (\d{3}) }g }

# No request of the smuggler's, none for a namespace that is not acme's.
sub clean {
    my ($name) = @_;
    for my $r (HXBlock::records()) {
        is(HXGate::sent($r, 'X-HX-Tenant'), 'acme', "$name: tenant");
        is(HXGate::sent($r, 'X-HX-Namespace'), 'prod', "$name: namespace");
        is(HXGate::sent($r, 'Authorization'), "Bearer $HXGate::ServiceKey",
           "$name: authorization");
        like($r->{target}, qr{^/v1/(?:put$|get/prod/)}, "$name: target");
        is(HXGate::sent($r, 'X-Api-Key'), undef, "$name: no API key");
    }
}

sub head {
    my ($line, @h) = @_;
    return join "\r\n", "$line HTTP/1.1", 'Host: a', "X-Api-Key: $Key", @h,
        '', '';
}

my $body = '{"namespace":"prod"}';
my $n = length $body;

# [name, bytes, statuses, requests upstream]
my @attacks = (
    ['Content-Length and Transfer-Encoding',
     head('POST /v1/put', 'Content-Length: 4', 'Transfer-Encoding: chunked')
     . "0\r\n\r\n$Inner", '400', 0],
    ['the other way round',
     head('POST /v1/put', 'Transfer-Encoding: chunked', 'Content-Length: 4')
     . "0\r\n\r\n$Inner", '400', 0],
    ['two Content-Length',
     head('POST /v1/put', "Content-Length: $n", 'Content-Length: 0')
     . "$body$Inner", '400', 0],
    ['two equal Content-Length',
     head('POST /v1/put', "Content-Length: $n", "Content-Length: $n")
     . $body, '400', 0],
    ['two Transfer-Encoding',
     head('POST /v1/put', 'Transfer-Encoding: chunked',
          'Transfer-Encoding: identity') . "0\r\n\r\n$Inner", '400', 0],
    ['a list of codings',
     head('POST /v1/put', 'Transfer-Encoding: chunked, identity')
     . "0\r\n\r\n$Inner", '501', 0],
    ['an odd coding',
     head('POST /v1/put', 'Transfer-Encoding: xchunked') . "0\r\n\r\n$Inner",
     '501', 0],
    ['a coding with a control character',
     head('POST /v1/put', "Transfer-Encoding: \x0bchunked")
     . "0\r\n\r\n$Inner", '501', 0],
    ['a coding before its colon',
     head('POST /v1/put', 'Transfer-Encoding : chunked',
          "Content-Length: $n") . $body, '400', 0],
    ['a coding in HTTP/1.0',
     "POST /v1/put HTTP/1.0\r\nX-Api-Key: $Key\r\n"
     . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n$Inner", '400', 0],
    ['a negative length', head('POST /v1/put', 'Content-Length: -1') . $Inner,
     '400', 0],
    ['a length with a sign',
     head('POST /v1/put', "Content-Length: +$n") . $body, '400', 0],
    ['a hexadecimal length',
     head('POST /v1/put', 'Content-Length: 0x10') . $body, '400', 0],
    ['a length list', head('POST /v1/put', "Content-Length: $n, $n") . $body,
     '400', 0],
    ['a length with a line fold',
     head('POST /v1/put', "Content-Length:\r\n $n") . $body, '400', 0],
    ['a length beyond 64 bits',
     head('POST /v1/put', 'Content-Length: 18446744073709551636') . $body,
     '400', 0],
    ['a chunk size beyond 64 bits',
     head('POST /v1/put', 'Transfer-Encoding: chunked')
     . "fffffffffffffffff\r\n$Inner", '400', 0],
    ['a chunk size that is none',
     head('POST /v1/put', 'Transfer-Encoding: chunked')
     . "x\r\n$Inner", '400', 0],
    ['bare line feeds for line ends',
     head('GET /v1/get/prod/k', 'Connection: close') =~ s/\r\n/\n/gr,
     '200', 1],
    ['a length in a folded header',
     head('GET /v1/get/prod/k', 'X-A: b', " Content-Length: 5") . 'xxxxx',
     '400', 0],
    ['two Host', head('GET /v1/get/prod/k', 'Host: b'), '400', 0],
    ['no Host', "GET /v1/get/prod/k HTTP/1.1\r\nX-Api-Key: $Key\r\n\r\n",
     '400', 0],
    ['a Host that is a path', head('GET /v1/get/prod/k')
     =~ s{Host: a}{Host: a/v1/get/other}r, '400', 0],
    ['another version',
     head('GET /v1/get/prod/k') =~ s{HTTP/1.1}{HTTP/2.0}r, '505', 0],
    ['a version in a target',
     "GET /v1/get/prod/k HTTP/1.1\nX: HTTP/1.1\r\nHost: a\r\n"
     . "X-Api-Key: $Key\r\nConnection: close\r\n\r\n", '200', 1],
    ['blanks in the request line',
     "GET  /v1/get/prod/k  HTTP/1.1\r\nHost: a\r\nX-Api-Key: $Key\r\n"
     . "Connection: close\r\n\r\n", '200', 1],
    ['a NUL in the request line',
     "GET /v1/get/prod/k\0/v1/get/other/k HTTP/1.1\r\nHost: a\r\n\r\n",
     '400', 0],
    ['empty lines before',
     "\r\n\r\n" . head('GET /v1/get/prod/k', 'Connection: close'), '200', 1],
    ['a request behind a GET, on its own merits',
     head('GET /v1/get/prod/k') . $Inner
     . head('GET /v1/get/prod/k', 'Connection: close'), '200 401 200', 2],
    ['a body on a GET, and a request behind it',
     head('GET /v1/get/prod/k', 'Content-Length: ' . length $Inner) . $Inner
     . head('GET /v1/get/prod/k', 'Connection: close'), '200 200', 2],
    ['a request in a body',
     head('POST /v1/put', 'Content-Length: ' . length $Inner) . $Inner
     . head('GET /v1/get/prod/k', 'Connection: close'), '400', 0],
    ['a request behind a refused one with a body',
     "POST /v1/put HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n"
     . 'x' x 20 . head('GET /v1/get/prod/k', 'Connection: close'),
     '401 200', 1],
    ['a request in the body of a refused one',
     "POST /v1/put HTTP/1.1\r\nHost: a\r\nContent-Length: "
     . length($Inner) . "\r\n\r\n$Inner"
     . head('GET /v1/get/prod/k', 'Connection: close'), '401 200', 1],
    ['chunks, an extension and trailers',
     head('POST /v1/put', 'Transfer-Encoding: chunked', 'Connection: close')
     . sprintf("%x;a=b\r\n%s\r\n0\r\nX-HX-Tenant: evil\r\n"
               . "Authorization: evil\r\n\r\n", $n, $body), '200', 1],
    ['an upgrade',
     head('GET /v1/get/prod/k', 'Connection: Upgrade', 'Upgrade: h2c',
          'HTTP2-Settings: AAAA') . $Inner, '200 401', 1],
    ['CONNECT', head('CONNECT a:80'), '400|405', 0],    # 405 since 1.29
    ['the preface of HTTP/2',
     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n$Inner", '400', 0],
    ['binary', "\x16\x03\x01\x00\x05hello", '400', 0],
);

for my $attack (@attacks) {
    my ($name, $bytes, $expected, $forwarded) = @$attack;
    my $answer = raw($bytes);
    like(statuses($answer), qr/^(?:$expected)$/, "$name: answered");
    is(scalar(HXBlock::records()), $forwarded, "$name: forwarded");
    clean($name);
    unlike($answer, qr/\Q$HXGate::ServiceKey\E(?!")/,
           "$name: no service key comes back");
}

is(scalar $Server->logged(qr/\[(?:alert|emerg|crit)\]/), 0,
   'nothing bad in the error log');
is($Server->stop, 0, 'nginx stops');
done_testing();
