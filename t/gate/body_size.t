# The upload limit: 4/3 of it and 1 MiB of HTTP body pass, a byte more does
# not, however it comes; the answer names the limit.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

my $tls = HX::port(3);
my $up = HX::port(1);

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] });
my $key = $HXGate::Key{acme};

my $server = HXGate::Server->new(config => <<"EOC")->start;
    listen 127.0.0.1:$tls ssl http2;
    @{[HXGate::certificate()]}
    hx_gate_operations hx-sdp;
    hx_gate_operation note POST "/note/{key}" namespace=none;
    hx_gate_max_upload 3000;
    client_max_body_size 0;
    location /v1/ {
        hx_gate on;
        proxy_pass http://127.0.0.1:$up;
    }
    location /note/ {
        hx_gate on;
        proxy_pass http://127.0.0.1:$up;
    }
    location = /v1/search {
        hx_gate on;
        client_max_body_size 2000;
        proxy_pass http://127.0.0.1:$up;
    }
    location /gate/ {
        client_max_body_size 1000;
        hx_gate_admin;
    }
EOC

my $cap = 3000 / 3 * 4 + 4 + 1048576;
my $text = 'Payload exceeds maximum upload size of 3000 bytes';

sub body {
    my ($n) = @_;
    my ($head, $tail) = ('{"key":"a","data_b64":"', '"}');
    return $head . 'A' x ($n - length "$head$tail") . $tail;
}

sub send_in_chunks {
    my ($method, $target, $body, @headers) = @_;
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        $method, $target, key => $key, keepalive => 1,
        headers => ['Transfer-Encoding', 'chunked', 'Content-Type',
                    'application/json']));
    for my $part ($body =~ /(.{1,32768})/gs) {
        HXGate::send_all($s, sprintf "%x\r\n%s\r\n", length $part, $part)
            or last;
    }
    HXGate::send_all($s, "0\r\n\r\n");
    return HXGate::response($s);
}

sub too_large {
    my ($name, $r, $detail) = @_;
    is "$r->{status} $r->{json}{error}", '413 too_large', $name;
    is $r->{json}{detail}, $detail // $text, "$name: names the limit";
    is $r->{headers}{'x-hx-cus'}, '0.0', "$name: free";
}

is $server->request('POST', '/v1/put', key => $key, body => body($cap))
    ->{status}, 200, 'the largest there can be';
is send_in_chunks('POST', '/v1/put', body($cap))->{status}, 200,
    'the largest, chunked';

# by length: not one byte of it is waited for
for my $n ($cap + 1, 2 ** 31, 2 ** 32 + 5, '4611686018427387904') {
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        'POST', '/v1/put', key => $key,
        headers => ['Content-Length', $n, 'Content-Type',
                    'application/json']));
    too_large("$n by length", HXGate::response($s));
}

too_large('a byte more, chunked',
          send_in_chunks('POST', '/v1/put', body($cap + 1)));

# chunked, refused as soon as it is too much and nginx has seen it: before
# 1.21 it looks only when its buffer is full (16 KiB)
{
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        'POST', '/v1/put', key => $key,
        headers => ['Transfer-Encoding', 'chunked', 'Content-Type',
                    'application/json'])
        . "40000000\r\n" . body($cap + 16384));
    too_large('in a chunk of 1 GiB', HXGate::response($s));
}

# an operation that has no namespace in its body is bound by it too
is $server->request('POST', '/note/n', key => $key, body => 'x' x $cap)
    ->{status}, 200, 'no namespace in the body, the largest';
too_large('no namespace in the body, by length',
          $server->request('POST', '/note/n', key => $key,
                           body => 'x' x ($cap + 1)));
too_large('no namespace in the body, chunked',
          send_in_chunks('POST', '/note/n', 'x' x ($cap + 1)));
too_large('a DELETE with a body',
          send_in_chunks('DELETE', '/v1/delete/prod/a', 'x' x ($cap + 1)));

# nginx's own limit where it is lower
my $lower = 'Request body exceeds maximum size of 2000 bytes';
is $server->request('POST', '/v1/search', key => $key, body => body(2000))
    ->{status}, 200, 'within client_max_body_size';
too_large('client_max_body_size by length',
          $server->request('POST', '/v1/search', key => $key,
                           body => body(2001)), $lower);
too_large('client_max_body_size, chunked',
          send_in_chunks('POST', '/v1/search', body(2001)), $lower);
{
    my $r = $server->admin('onboard/create', { x => 'y' x 1000 });
    is "$r->{status} $r->{json}{detail}",
        '413 Request body exceeds maximum size of 1000 bytes',
        'client_max_body_size of the admin plane';
}

# HTTP/2
for my $case ([ 'with a length', '--data-binary @-' ],
              [ 'without a length', '-T -' ])
{
    my ($how, $args) = @$case;
    for my $n ($cap, $cap + 1) {
        my ($in, $out) = map { "$HXGate::Dir/curl.$_" } qw(in out);
        HXGate::spew($in, body($n));
        system "curl -sk --http2 -X POST -H 'X-Api-Key: $key' -H 'Expect:' "
            . "-H 'Content-Type: application/json' "
            . "-w '\\n%{http_version} %{http_code}' "
            . "https://127.0.0.1:$tls/v1/put $args <'$in' >'$out'";
        my ($json, $status) = split /\n/, HXGate::slurp($out);
        is $status, $n == $cap ? '2 200' : '2 413', "HTTP/2 $how, $n";
        is JSON::PP::decode_json($json)->{detail},
            $n == $cap ? undef : $text, "HTTP/2 $how, $n: detail";
    }
}

is scalar(grep { ref } HXGate::upstream_log()), 6,
    'the engine got the six that fit';
is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
