# However a body arrives -- at once, in single bytes, in chunks, over HTTP/2
# without a length -- the gate reads the same namespace and the engine gets the
# same bytes.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);

my $tls = HX::port(3);

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] });
my $key = $HXGate::Key{acme};

my $server = HXGate::Server->new(config => <<"EOC" . HXGate::config())->start;
    listen 127.0.0.1:$tls ssl http2;
    @{[HXGate::certificate()]}
EOC

my $small = '{"key":"a","data_b64":"QUJD","n\u0061mespace":"prod"}';
my $big = '{"key":"a","data_b64":"' . 'QUJD' x 100_000 . '","namespace":"prod"}';

sub head {
    return HXGate::request_text('POST', '/v1/put', key => $key, keepalive => 1,
                                headers => [@_, 'Content-Type',
                                            'application/json']);
}

sub same {
    my ($name, $r, $body) = @_;
    is $r->{status}, 200, $name;
    is HXGate::sent($r->{json}, 'X-HX-Namespace'), 'prod', "$name: namespace";
    is $r->{json}{body_md5}, md5_hex($body), "$name: the very bytes";
    is HXGate::sent($r->{json}, 'Content-Length'), length $body,
        "$name: the engine is told the length";
    is HXGate::sent($r->{json}, 'Transfer-Encoding'), undef,
        "$name: and no other framing";
}

sub exchange {
    my ($head, @pieces) = @_;
    my $s = HXGate::connect_to($server->{port});
    setsockopt $s, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1;
    HXGate::send_all($s, $head);
    for my $piece (@pieces) {
        # so that nginx meets them one by one
        select undef, undef, undef, 0.001;
        HXGate::send_all($s, $piece);
    }
    return HXGate::response($s);
}

sub chunks {
    return map { sprintf "%x\r\n%s\r\n", length, $_ } @_;
}

my $length = sub { head('Content-Length', length $_[0]) };
my $chunked = head('Transfer-Encoding', 'chunked');

same('at once', exchange($length->($small) . $small), $small);
same('byte by byte', exchange($length->($small), split //, $small), $small);
same('400 kB', exchange($length->($big), $big), $big);
same('400 kB in pieces', exchange($length->($big), $big =~ /(.{1,16384})/gs),
     $big);

same('one chunk', exchange($chunked, chunks($small), "0\r\n\r\n"), $small);
same('a chunk a byte', exchange($chunked, chunks(split //, $small),
                                "0\r\n\r\n"), $small);
same('a chunk a byte, at once',
     exchange($chunked . join('', chunks(split //, $small)) . "0\r\n\r\n"),
     $small);
same('400 kB in chunks', exchange($chunked, chunks($big =~ /(.{1,10007})/gs),
                                  "0\r\n\r\n"), $big);
same('chunk extensions and a trailer', exchange(
    $chunked . sprintf("%x;x=y\r\n%s\r\n0\r\nX-HX-Namespace: evil\r\n\r\n",
                       length $small, $small)), $small);

# keep-alive: the body of one request is never the head of the next
{
    my $s = HXGate::connect_to($server->{port});
    my $other = '{"namespace":"default"}';
    HXGate::send_all($s, $length->($small) . $small . $chunked
                         . join('', chunks($other)) . "0\r\n\r\n"
                         . $length->($small) . $small);
    my $rest = '';
    my @r = map { HXGate::response($s, \$rest) } 1 .. 3;
    same('pipelined, first', $r[0], $small);
    is HXGate::sent($r[1]{json}, 'X-HX-Namespace'), 'default',
        'pipelined, second';
    same('pipelined, third', $r[2], $small);
}

# HTTP/2, with and without a length (curl has none for what it reads from a
# pipe)
sub curl {
    my ($body, @args) = @_;

    my $file = "$HXGate::Dir/curl.in";
    my $out = "$HXGate::Dir/curl.out";
    HXGate::spew($file, $body);
    system "curl -sk --http2 -X POST -H 'X-Api-Key: $key' -H 'Expect:' "
        . "-H 'Content-Type: application/json' -w '%{http_version}' "
        . "https://127.0.0.1:$tls/v1/put @args <'$file' >'$out'";
    is $?, 0, 'curl is content';
    my ($json, $version) = HXGate::slurp($out) =~ /^(.*)(2|1\.1)\z/s;
    is $version, '2', 'HTTP/2 it was';
    return { status => 200, json => JSON::PP::decode_json($json) };
}

for my $body ($small, $big) {
    my $n = length $body;
    same("HTTP/2 with a length, $n", curl($body, '--data-binary', '@-'),
         $body);
    same("HTTP/2 without a length, $n", curl($body, '-T', '-'), $body);
}

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
