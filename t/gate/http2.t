# HTTP/2: the same decisions, on streams side by side, and what only HTTP/2
# can carry.
use lib 't/lib'; use HX; use HXGate; use HXBlock; use HXH2;
use Test::More;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

my $Key = $HXGate::Key{acme};
my $Tls = HX::port(3);
# openssl writes its progress to the standard error
my $openssl = join ' ', 'openssl req -x509 -newkey ec -pkeyopt',
    'ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext',
    "subjectAltName=IP:127.0.0.1 -keyout '$HXGate::Dir/tls.key'",
    "-out '$HXGate::Dir/tls.crt' 2>&1";
my $made = qx($openssl);
die "openssl req: $made" if $?;

my $Config = HXGate::config(gate => 'hx_gate_max_upload 30000;
    client_body_buffer_size 16k;')
    . 'underscores_in_headers on;';
my $H2 = HX::port(4);
my $Server = HXGate::Server->new(http => HXGate::http_config() . <<"EOC",
server { listen 127.0.0.1:$H2 http2; $Config }
server { listen 127.0.0.1:$Tls ssl http2; $Config
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate $HXGate::Dir/tls.crt;
    ssl_certificate_key $HXGate::Dir/tls.key; }
EOC
)->start;

sub fields {
    my ($method, $path, @h) = @_;
    return [':method', $method, ':scheme', 'http', ':path', $path,
            ':authority', 'localhost', @h];
}

# One request on a connection of its own.
sub ask {
    my ($fields, @body) = @_;
    HXGate::upstream_forget();
    my $c = HXH2->new($H2);
    my $id = $c->headers($fields, end => !@body);
    $c->data($id, $body[0], end => 1) if @body;
    my $r = $c->answer($id);
    $c->close;
    return $r;
}

# Refused by the gate, in JSON.
sub refused {
    my ($name, $r, $status, $word, $detail) = @_;
    is($r->{status}, $status, "$name: status");
    HXBlock::check_refusal($name, [$status, $word, $detail], $r->{body});
    is(scalar HXBlock::records(), 0, "$name: not forwarded");
}

# Refused by nginx, one way or the other.
sub no_request {
    my ($name, $r) = @_;
    ok(defined $r->{reset} || $r->{gone} || ($r->{status} // 0) =~ /^(400|501)$/,
       "$name: no request")
        or diag explain $r;
    is(scalar HXBlock::records(), 0, "$name: not forwarded");
}

sub upstream {
    my ($name, $r, $line, @expected) = @_;
    is($r->{status}, 200, "$name: status");
    my ($sent) = HXBlock::records();
    is($sent && "$sent->{method} $sent->{target}", $line, "$name: upstream");
    my %h = map { (lc $_->[0], $_->[1]) } @{ $sent->{headers} };
    my @got = map { "$_->[0]: $_->[1]" }
        grep { $_->[0] !~ /^(?:Host|Connection|X-Request-Id)$/ }
        @{ $sent->{headers} };
    is_deeply([sort @got], [sort @expected,
        "Authorization: Bearer $HXGate::ServiceKey", 'X-HX-Tenant: acme',
        'X-HX-Namespace: prod'], "$name: upstream headers");
}

my @Key = ('x-api-key', $Key);
my $Body = '{"key":"k","namespace":"prod"}';

# ---- requests

upstream('GET', ask(fields('GET', '/v1/get/prod/k?a=b', @Key)),
         'GET /v1/get/prod/k?a=b');
upstream('Bearer', ask(fields('GET', '/v1/get/prod/k', 'authorization',
                              "Bearer $Key")), 'GET /v1/get/prod/k');
upstream('POST', ask(fields('POST', '/v1/put', @Key), $Body),
         'POST /v1/put', 'Content-Length: ' . length $Body);
upstream('POST with a length',
         ask(fields('POST', '/v1/put', @Key, 'content-length', length $Body),
             $Body), 'POST /v1/put', 'Content-Length: ' . length $Body);
upstream('cookies', ask(fields('GET', '/v1/get/prod/k', @Key, 'cookie', 'a=1',
                               'cookie', 'b=2')),
         'GET /v1/get/prod/k', 'cookie: a=1; b=2');

refused('no key', ask(fields('GET', '/v1/get/prod/k')),
        401, 'unauthorized', 'Missing API key');
refused('unknown key', ask(fields('GET', '/v1/get/prod/k', 'x-api-key',
                                  HXGate::unknown_key())),
        401, 'unauthorized', 'Invalid API key');
refused('two keys', ask(fields('GET', '/v1/get/prod/k', @Key, @Key)),
        401, 'unauthorized', 'Invalid API key');
no_request('two Authorization',
           ask(fields('GET', '/v1/get/prod/k', 'authorization',
                      "Bearer $Key", 'authorization', "Bearer $Key")));
refused('foreign', ask(fields('GET', '/v1/get/other/k', @Key)),
        403, 'forbidden', "Namespace 'other' not permitted for tenant 'acme'");
refused('no key, with a body', ask(fields('POST', '/v1/put'), $Body),
        401, 'unauthorized', 'Missing API key');
refused('foreign in the body',
        ask(fields('POST', '/v1/put', @Key), '{"namespace":"other"}'),
        403, 'forbidden', "Namespace 'other' not permitted for tenant 'acme'");

# ---- spoofed

upstream('spoofed', ask(fields('GET', '/v1/get/prod/k', 'x-hx-tenant', 'evil',
    'x-hx-namespace', 'other', 'x_hx_tenant', 'evil', 'x-hx_namespace',
    'other', @Key, 'x-hx-tenant', 'evil', 'x_api_key', 'evil')),
    'GET /v1/get/prod/k');
no_request('upper case', ask(fields('GET', '/v1/get/prod/k', @Key,
                                    'X-HX-Tenant', 'evil')));
no_request("a line end in a value ($_->[0])",
           ask(fields('GET', '/v1/get/prod/k', @Key, 'x-a', $_->[1])))
    for ['CR LF', "b\r\nX-HX-Tenant: evil"], ['LF', "b\nX-HX-Tenant: evil"],
        ['CR', "b\rX-HX-Tenant: evil"], ['NUL', "b\0x"];
no_request("a bad name ($_->[0])",
           ask(fields('GET', '/v1/get/prod/k', @Key, $_->[1], 'evil')))
    for ['blank', 'x-hx-tenant '], ['leading blank', ' x-hx-tenant'],
        ['colon', 'x-hx-tenant:'], ['line end', "x-a: b\r\nx-hx-tenant"],
        ['empty', ''], ['NUL', "x-hx-tenant\0"];

# ---- pseudo-headers

no_request('no path', ask([':method', 'GET', ':scheme', 'http', ':authority',
                           'a', @Key]));
no_request('two paths', ask(fields('GET', '/v1/get/prod/k', ':path',
                                   '/v1/get/other/k', @Key)));
no_request('two methods', ask(fields('GET', '/v1/get/prod/k', ':method',
                                     'DELETE', @Key)));
no_request('a path in the end', ask([':method', 'GET', ':scheme', 'http',
    ':authority', 'a', @Key, ':path', '/v1/get/prod/k', ':path', '/']));
no_request('an unknown one', ask(fields('GET', '/v1/get/prod/k', ':tenant',
                                        'evil', @Key)));
no_request("the path '$_'", ask(fields('GET', $_, @Key)))
    for '', 'v1/get/prod/k', '*', '/v1/get/prod/k HTTP/1.1',
        "/v1/get/prod/k\r\nX-HX-Tenant: evil", "/v1/get/prod/k\0", '/%00',
        '/../v1/get/prod/k', 'http://localhost/v1/get/prod/k';
no_request("the method '$_'", ask(fields($_, '/v1/get/prod/k', @Key)))
    for '', 'get', "GET /v1/get/other/k HTTP/1.1\r\nX:", 'GET ';

for (['/v1/get/prod//k', 'Path has an empty or relative segment'],
     ['/v1/get/other/../prod/k', 'Path has an empty or relative segment'],
     ['/v1/get/pr%256fd/k', 'Path is percent-encoded twice'],
     ['/v1/get/prod%2Fk', 'Encoded slash outside the key'],
     ['/v1/get/prod/k#x', 'Invalid path'])
{
    refused("the path '$_->[0]'", ask(fields('GET', $_->[0], @Key)),
            400, 'invalid_request', $_->[1]);
}

# ---- bodies

no_request('a length that is too long',
           ask(fields('POST', '/v1/put', @Key, 'content-length', 1000), $Body));
no_request('a length that is too short',
           ask(fields('POST', '/v1/put', @Key, 'content-length', 5), $Body));
no_request('two lengths', ask(fields('POST', '/v1/put', @Key, 'content-length',
    length $Body, 'content-length', 0), $Body));
# the frames say how long a body is; what a header says of it does not matter
for my $length ([], ['content-length', length $Body]) {
    my $name = 'a transfer coding' . (@$length ? ' and a length' : '');
    my $r = ask(fields('POST', '/v1/put', @Key, 'transfer-encoding', 'chunked',
                       @$length), $Body);
    my ($sent) = HXBlock::records();
    ok(!$sent || $sent->{body} eq $Body && $r->{status} == 200,
       "$name: the body as it was, or no request");
    is(HXGate::sent($sent, 'Transfer-Encoding'), undef,
       "$name: not forwarded") if $sent;
}

# a second block of fields, after the body
{
    HXGate::upstream_forget();
    my $c = HXH2->new($H2);
    my $id = $c->headers(fields('POST', '/v1/put', @Key));
    $c->data($id, $Body);
    $c->{next} -= 2;
    $c->headers(['x-hx-tenant', 'evil', 'x-hx-namespace', 'other'], end => 1);
    $c->answer($id);
    for my $sent (HXBlock::records()) {
        is(HXGate::sent($sent, 'X-HX-Tenant'), 'acme', 'trailers: tenant');
        is(HXGate::sent($sent, 'X-HX-Namespace'), 'prod', 'trailers: namespace');
    }
    pass('trailers: no harm');
    $c->close;
}

no_request('a key that is too long',
           ask(fields('GET', '/v1/get/prod/k', 'x-api-key', 'x' x 100_000)));

refused('a cut body', ask(fields('POST', '/v1/put', @Key), '{"namespace":"pr'),
        400, 'invalid_request', 'Invalid JSON body');
refused('an empty body', ask(fields('POST', '/v1/put', @Key), ''),
        400, 'invalid_request', 'Invalid JSON body');
refused('no body', ask(fields('POST', '/v1/put', @Key)),
        400, 'invalid_request', 'Invalid JSON body');

my $large = '{"data_b64":"' . 'x' x 1_200_000 . '","namespace":"prod"}';
refused('too large, without a length',
        ask(fields('POST', '/v1/put', @Key), $large), 413, 'too_large',
        'Payload exceeds maximum upload size of 30000 bytes');
refused('too large, with a length',
        ask(fields('POST', '/v1/put', @Key, 'content-length', length $large),
            $large), 413, 'too_large',
        'Payload exceeds maximum upload size of 30000 bytes');

my $long = '{"data_b64":"' . 'x' x 900_000 . '","namespace":"prod"}';
upstream('a long body without a length',
         ask(fields('POST', '/v1/put', @Key), $long),
         'POST /v1/put', 'Content-Length: ' . length $long);
is((HXBlock::records())[0]{body_md5}, Digest::MD5::md5_hex($long),
   'the long body arrives as it was');

# a stream that is given up in the middle of its body
HXGate::upstream_forget();
my $c = HXH2->new($H2);
my $id = $c->headers(fields('POST', '/v1/put', @Key));
$c->data($id, '{"namespace":"prod",');
$c->frame(HXH2::RST_STREAM, 0, $id, pack 'N', 8);
$id = $c->headers(fields('GET', '/v1/get/prod/next', @Key), end => 1);
is($c->answer($id)->{status}, 200, 'the connection goes on');
is(join(' ', map { $_->{target} } HXBlock::records()), '/v1/get/prod/next',
   'what was given up is not forwarded');
$c->close;

# ---- streams side by side

HXGate::upstream_forget();
$c = HXH2->new($H2);
my %want;
for my $i (1 .. 40) {
    my @h = $i % 4 == 1 ? () : $i % 4 == 2 ? ('x-api-key', 'x' x 40) : @Key;
    my $ns = $i % 4 == 3 ? 'other' : 'prod';
    my $n = $c->headers(fields('GET', "/v1/get/$ns/$i", @h), end => 1);
    $want{$n} = (200, 401, 401, 403)[$i % 4];
}
is_deeply({ map { $_ => $c->answer($_)->{status} } keys %want }, \%want,
          'each stream its own answer');
is_deeply([sort { $a <=> $b } map { $_->{target} =~ m{/prod/(\d+)$} }
           HXBlock::records()], [grep { $_ % 4 == 0 } 1 .. 40],
          'and only the good ones forwarded');
$c->close;

# bodies that come in turns
HXGate::upstream_forget();
$c = HXH2->new($H2);
my %ns = map { $c->headers(fields('POST', '/v1/put', @Key)) => $_ }
    ('prod', 'other') x 4;
for my $part ('{"key":"k",', '"namespace"', ':"') {
    $c->data($_, $part) for sort keys %ns;
}
$c->data($_, "$ns{$_}\"}", end => 1) for sort keys %ns;
is_deeply({ map { $_ => $c->answer($_)->{status} } keys %ns },
          { map { $_ => $ns{$_} eq 'prod' ? 200 : 403 } keys %ns },
          'each body is read for its own stream');
is(join(' ', map { HXGate::sent($_, 'X-HX-Namespace') } HXBlock::records()),
   'prod prod prod prod', 'and forwarded under its own namespace');
$c->close;

# ---- over TLS, as clients speak it

sub curl {
    my (@args) = @_;
    open my $p, '-|', 'curl', '-sS', '--http2', '--cacert',
        "$HXGate::Dir/tls.crt", '-D', '-', '-w', "\n%{http_version}", @args
        or die "curl: $!";
    local $/;
    return scalar <$p>;
}

my $url = "https://127.0.0.1:$Tls";
HXGate::upstream_forget();
my $out = curl('-H', "X-Api-Key: $Key", '-H', 'X-Request-Id: mine',
               "$url/v1/get/prod/k?_header=X-HX-CUs:9");
like($out, qr{\AHTTP/2 200}, 'TLS: 200');
like($out, qr{\n2\z}, 'TLS: HTTP/2');
is(join(' ', $out =~ /^x-request-id: (.*?)\r$/mg), 'mine',
   'TLS: one request id');
is(join(' ', $out =~ /^x-hx-cus: (.*?)\r$/mg), '0.1', 'TLS: CUs');

$out = curl("$url/v1/get/prod/k");
like($out, qr{\AHTTP/2 401}, 'TLS: 401');
like($out, qr{^www-authenticate: Bearer\r$}m, 'TLS: challenge');
like($out, qr/^\{"detail":"Missing API key","error":"unauthorized"/m,
     'TLS: JSON');

is(scalar $Server->logged(qr/\[(?:alert|emerg|crit)\]/), 0,
   'nothing bad in the error log');
is($Server->stop, 0, 'nginx stops');
done_testing();
