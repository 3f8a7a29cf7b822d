# Nobody without a key has 100 MB read: of a refused body at most 64 KiB are
# taken off the socket, and the answer can still be read.  What was taken is
# counted in nginx's own reads (t/lib/hx_recv_count.c).
use lib 't/lib'; use HX; use HXGate; use HXH2; use HXSend;
use Test::More;

use strict;
use warnings;

use IO::Select ();
use Socket qw(MSG_NOSIGNAL);

use constant { BODY => 100 * 1024 * 1024, MAX => 65536 };

my ($patient, $h2, $tls, $raw) = map { HX::port($_) } 3 .. 6;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};
my $unknown = HXGate::unknown_key();

my $config = <<"EOC" . HXGate::config(gate => <<'EOC');
    client_max_body_size 135m;
    location /plain { return 401; }
    location = /small { hx_gate on; client_max_body_size 1m; }
    location = /named { hx_gate on; error_page 401 = \@page; }
    location \@page { return 418 page; }
    location = /hook { hx_gate_stripe_webhook secret=env:HOOK; }
EOC
    hx_gate_cors https://app.example;
EOC

# who is cut off is so after 200 ms; nobody else is to be that fast
my $server = HXGate::Server->new(
    env => { %{ HXSend::env() }, HOOK => 'whsec_' . 'h' x 32 },
    http => HXGate::http_config() . <<"EOC", config => <<"EOC")->start;
server {
    listen 127.0.0.1:$patient;
    lingering_timeout 20s;
    $config
}
EOC
    listen 127.0.0.1:$h2 http2;
    listen 127.0.0.1:$tls ssl;
    @{[HXGate::certificate()]}
    lingering_timeout 200ms;
    $config
EOC

my $piece = 'x' x 65536;

sub chunk_head { return sprintf "%x\r\n", $_[0] }


# Sends a head and then as much of BODY bytes as is taken, listening meanwhile;
# goes on after the answer, until it has sent all or is hung up on.
sub push_body {
    my ($head, $first, $port) = @_;

    my $s = HXGate::connect_to($port // $server->{port});
    HXGate::send_all($s, $head . $first);
    $s->blocking(0);

    my ($in, $left, $select) = ('', BODY, IO::Select->new($s));
    my ($hears, $sends) = (1, 1);
    while ($hears || $sends) {
        my ($r, $w) = IO::Select->select($hears ? $select : undef,
                                         $sends ? $select : undef,
                                         undef, HXGate::PATIENCE);
        die 'neither taken nor hung up' if !$r;
        if (@$w) {
            my $n = send $s, $left < 65536 ? substr($piece, 0, $left)
                                           : $piece, MSG_NOSIGNAL;
            $left -= $n if defined $n;
            $sends = $left && (defined $n || $!{EAGAIN});
        }
        if (@$r) {
            my $n = sysread $s, $in, 65536, length $in;
            $hears = defined $n ? $n : $!{EAGAIN};
        }
        last if !$left && $in =~ /\r\n\r\n/;
    }
    my ($status) = $in =~ m{^HTTP/1\.1 (\d+)};
    return { status => $status, head => $in, taken => HXSend::taken($s),
             left => $left, socket => $s };
}

sub all_taken {
    my ($r) = @_;
    return HXGate::wait_for('the end of a body',
                            sub { HXSend::taken($r->{socket}) > BODY });
}

sub head {
    my ($target, $method, @headers) = @_;
    return HXGate::request_text($method, $target, keepalive => 1, headers =>
                                ['Content-Type', 'application/json', @headers]);
}

my %framing = (
    'length'  => [ '', 'Content-Length', BODY ],
    'expect'  => [ '', 'Content-Length', BODY, 'Expect', '100-continue' ],
    'chunked' => [ chunk_head(BODY), 'Transfer-Encoding', 'chunked' ],
    'expect, chunked' => [ chunk_head(BODY), 'Transfer-Encoding', 'chunked',
                           'Expect', '100-continue' ],
);

# ---- a signature that might be good has 1 MiB read, and no more

sub forged {
    my ($port) = @_;
    my $head = head('/hook', 'POST', 'Transfer-Encoding', 'chunked',
                    'Stripe-Signature', 't=' . time . ',v1=' . 'a' x 64);
    return push_body($head, chunk_head(BODY), $port);
}

{
    my $r = forged();
    is $r->{status}, 413, 'a forged event: refused';
    cmp_ok $r->{taken}, '<=', 1048576 + MAX, 'a forged event: 1 MiB is read';
    cmp_ok $r->{taken}, '>', 1000000, 'a forged event: before it is known';
}

# ---- the count fires: nginx itself reads a refused body to its end

for my $how (sort keys %framing) {
    my ($first, @headers) = @{ $framing{$how} };
    my $r = push_body(head('/plain', 'POST', @headers), $first, $patient);
    is $r->{status}, 401, "nginx alone, $how: refused";
    ok all_taken($r), "nginx alone, $how: and read to its end";
}

# ---- the gate

for my $case (
    [ 'no key', '/v1/put', 'POST', 401 ],
    [ 'a malformed key', '/v1/put', 'POST', 401, 'X-Api-Key', 'hx_live_x' ],
    [ 'an unknown key', '/v1/put', 'POST', 401, 'X-Api-Key', $unknown ],
    [ 'an unknown bearer', '/v1/put', 'POST', 401, 'Authorization',
      "Bearer $unknown" ],
    [ 'no such path, no key', '/v1/none', 'POST', 401 ],
    [ 'a wrong service key', '/gate/onboard/create', 'POST', 401,
      'Authorization', 'Bearer ' . 'x' x 40 ],
    [ 'an announced body beyond client_max_body_size', '/small', 'POST', 413 ],
    [ 'usage of nobody', '/gate/usage', 'GET', 401, 'X-Api-Key', $unknown ],
    [ 'a preflight', '/v1/put', 'OPTIONS', 204, 'Origin',
      'https://app.example', 'Access-Control-Request-Method', 'POST' ],
    [ 'an error page', '/named', 'POST', 418 ],
    [ 'an event that nobody has signed', '/hook', 'POST', 400 ],
    [ 'an event signed long ago', '/hook', 'POST', 400, 'Stripe-Signature',
      't=1,v1=' . 'a' x 64 ],
) {
    my ($name, $target, $method, $status, @more) = @$case;
    for my $how (sort keys %framing) {
        # the status that nginx refuses a length with; it has a page ask again
        my $expected = $status == 413 && $how =~ /chunked/ ? 401 : $status;
        next if $status == 418 && $how =~ /expect/;

        my ($first, @headers) = @{ $framing{$how} };
        my $r = push_body(head($target, $method, @more, @headers), $first);
        is $r->{status}, $expected, "$name, $how: refused";
        cmp_ok $r->{taken}, '<=', MAX, "$name, $how: $r->{taken} bytes taken";
        cmp_ok $r->{left}, '>', 0, "$name, $how: $r->{left} never left us";
        like $r->{head}, qr/^Connection: close\r$/m,
            "$name, $how: the client is told";
    }
}

# who only listens when all is sent reads the answer as well
{
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, head('/v1/put', 'POST', 'Content-Length', BODY));
    my $n = 0;
    $n++ while HXGate::send_all($s, $piece);
    cmp_ok $n * 65536, '<', BODY, 'a client that does not listen is cut off';
    my $r = HXGate::response($s);
    is $r->{json}{detail}, 'Missing API key', 'and can read why';
}

# ---- up to 64 KiB a body is thrown away and the connection kept

for my $n (MAX - 1, MAX, MAX + 1) {
    my $head = head('/v1/put', 'POST', 'Content-Length', $n);
    my $s = HXGate::connect_to($n <= MAX ? $patient : $server->{port});
    HXGate::send_all($s, $head);
    my $rest = '';
    my $r = HXGate::response($s, \$rest);
    is $r->{status}, 401, "$n bytes: refused before they came";
    is $r->{headers}{connection}, $n <= MAX ? 'keep-alive' : 'close',
        "$n bytes: connection";
    HXGate::send_all($s, 'x' x $n);
    HXGate::send_all($s, HXGate::request_text('GET', '/health'));
    if ($n <= MAX) {
        is HXGate::response($s, \$rest)->{body}, '{"status":"ok"}',
            "$n bytes: then the next request";
        cmp_ok HXSend::taken($s), '>', length($head) + $n, "$n bytes: taken";
    } else {
        is eval { HXGate::response($s, \$rest) }, undef,
            "$n bytes: nothing more is answered";
        is HXSend::taken($s), length $head, "$n bytes: not one was taken";
    }
}

# a short one without a length comes to its end, too
{
    my $s = HXGate::connect_to($patient);
    my $text = head('/v1/put', 'POST', 'Transfer-Encoding', 'chunked')
        . HXSend::chunk('x' x 20_000) . "0\r\n\r\n";
    HXGate::send_all($s, $text);
    my $rest = '';
    is HXGate::response($s, \$rest)->{status}, 401, 'chunked, short: refused';
    HXGate::send_all($s, HXGate::request_text('GET', '/health'));
    is HXGate::response($s, \$rest)->{status}, 200,
        'chunked, short: then the next request';
    cmp_ok HXSend::taken($s), '>', length $text, 'chunked, short: taken';
}

# who is known is heard out: nginx reads on, so that he reads the answer
{
    my ($first, @headers) = @{ $framing{length} };
    my $r = push_body(head('/v1/none', 'POST', 'X-Api-Key', $key, @headers),
                      '', $patient);
    is $r->{status}, 404, 'a tenant is refused';
    ok all_taken($r), 'and read to the end of it';
}

# also by nginx, which refuses by length before anybody asks
{
    my $r = push_body(head('/small', 'POST', 'X-Api-Key', $key,
                           'Content-Length', BODY), '', $patient);
    is $r->{status}, 413, 'nginx refuses a tenant';
    ok all_taken($r), 'and reads to the end';
}
is $server->request('POST', '/v1/put', key => $key, body =>
    '{"namespace":"prod","d":"' . 'x' x 200_000 . '"}')->{status}, 200,
    'and whoever is granted is read as ever';

# ---- TLS: a client that sends whatever it is told

for my $how ('length', 'chunked') {
    my ($first, @headers) = @{ $framing{$how} };
    HXGate::spew("$HXGate::Dir/head", head('/v1/put', 'POST', @headers)
                 . $first);
    my $port = $raw++;
    my $sent = "(cat '$HXGate::Dir/head'; head -c @{[BODY]} /dev/zero)";
    my $client = "openssl s_client -quiet -bind 127.0.0.1:$port "
        . "-connect 127.0.0.1:$tls 2>'$HXGate::Dir/s_client.log'";
    my $answer = qx($sent | $client);
    like $answer, qr{^HTTP/1\.1 401 }, "TLS, $how: refused";
    my $n = HXSend::taken($port);
    cmp_ok $n, '>', 0, "TLS, $how: counted";
    cmp_ok $n, '<=', MAX, "TLS, $how: $n bytes taken, the handshake among them";
}

# ---- HTTP/2: what fits into the window of a stream that nobody reads

for my $how ('HTTP/2', 'HTTP/2, length') {
    for my $k (undef, $unknown) {
        my $body = 'x' x BODY;
        my $r = HXSend::post($how, $server, $h2, '/v1/put', $body, key => $k);
        is $r->{status}, 401, "$how: refused";
        my $c = $r->{client};
        1 while !defined $c->{streams}{1}{reset} && $c->read_frame;
        is $c->{streams}{1}{reset}, 0, "$how: NO_ERROR, but no more of it";
        cmp_ok $r->{sent}, '<=', MAX, "$how: $r->{sent} bytes of body left us";
        my $id = $c->headers([':method', 'GET', ':scheme', 'http', ':path',
                              '/health', ':authority', 'a'], end => 1);
        is $c->answer($id)->{status}, 200, "$how: the connection goes on";
        my $n = HXSend::taken($r->{socket});
        cmp_ok $n, '<=', MAX + 1024, "$how: $n bytes taken, frames and head "
            . 'among them';
    }
}

is scalar(grep { ref } HXGate::upstream_log()), 1,
    'the engine heard of the granted one';
is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
