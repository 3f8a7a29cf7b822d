# A client that leaves while the engine works: with proxy_ignore_client_abort,
# as nginx-conf/ has it, what was done is recorded and charged.  (cancel.t: what
# is reset in the same breath.)
use lib 't/lib'; use HX; use HXGate; use HXBlock; use HXH2;
use Test::More;

use strict;
use warnings;

my $H2 = HX::port(3);
my $Engine = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                   LocalPort => HX::port(1), Proto => 'tcp',
                                   Listen => 8, ReuseAddr => 1) or die $!;
my $Body = '{"key":"k","namespace":"prod","data_b64":"QUJD"}';
my $Id = 0;

# The engine's connection, when it has read a put.
sub asked {
    IO::Select->new($Engine)->can_read(HXGate::PATIENCE) or die 'no request';
    my $engine = $Engine->accept or die $!;
    my $in = '';
    until ($in =~ /\r\n\r\n\Q$Body\E/) {
        HXGate::more($engine, \$in) or die 'cut request';
    }
    return $engine;
}

# Ways to ask, and to leave when the engine has the request.
my %Way = (
    'HTTP/1.1' => sub {
        my ($port, $id) = @_;
        my $s = HXGate::connect_to($port);
        HXGate::send_all($s, HXGate::request_text('POST', '/v1/put',
            key => $HXGate::Key{acme}, headers => ['X-Request-Id', $id],
            body => $Body));
        my $engine = asked();
        HXGate::reset_peer($s);
        return $engine;
    },
    'HTTP/2, the connection' => sub {
        my ($c, $engine) = put_h2(@_);
        HXGate::reset_peer($c->{s});
        return $engine;
    },
    'HTTP/2, the stream' => sub {
        my ($c, $engine, $stream) = put_h2(@_);
        $c->frame(3, 0, $stream, pack 'N', 8);      # RST_STREAM, CANCEL
        # nginx has read that when it has answered what came behind it
        my $next = $c->headers([':method', 'GET', ':scheme', 'http', ':path',
            '/health', ':authority', 'localhost'], end => 1);
        is $c->answer($next)->{status}, 200, 'the connection goes on';
        return ($engine, $c);
    },
);

sub put_h2 {
    my (undef, $id) = @_;
    my $c = HXH2->new($H2);
    my $stream = $c->headers([':method', 'POST', ':scheme', 'http', ':path',
        '/v1/put', ':authority', 'localhost', 'x-api-key', $HXGate::Key{acme},
        'content-type', 'application/json', 'x-request-id', $id]);
    $c->data($stream, $Body, end => 1);
    return ($c, asked(), $stream);
}

sub records {
    my ($id, $n) = @_;
    my @found;
    HXGate::wait_for("records of $id", sub {
        @found = grep { $_->{request_id} eq $id } HXGate::audit();
        return @found >= $n;
    });
    return join ', ', map {
        join ' ', @{$_}{qw(tenant_id namespace status)},
            sprintf '%.1f', $_->{cus} } @found;
}

sub used {
    my ($server) = @_;
    return $server->admin('admin/usage/acme')->{json}{breakdown}{put} // 0;
}

sub server {
    my ($audit, $ignore) = @_;
    my $config = HXGate::config(gate => "proxy_ignore_client_abort $ignore;");
    return HXGate::Server->new(
        config => $config,
        http => HXGate::http_config(audit => "$HXGate::Audit $audit")
            . "server { listen 127.0.0.1:$H2 http2; $config }")->start;
}

HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

# written before the answer goes out, a record has another that amends it
my %Records = ('flush=10ms' => 'acme prod 200 1.0',
               'durability=write' => 'acme prod 200 1.0, acme prod 499 0.0');

for my $audit (sort keys %Records) {
    my $n = () = $Records{$audit} =~ /acme/g;
    my $server = server($audit, 'on');
    my $before = used($server);
    for my $way (sort keys %Way) {
        my $id = 'gone-' . ++$Id;
        my ($engine, $kept) = $Way{$way}->($server->{port}, $id);
        HXGate::send_all($engine, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
            . "Content-Type: application/json\r\n\r\n{}");
        is records($id, $n), $Records{$audit}, "$audit, $way: recorded";
        is used($server), ++$before, "$audit, $way: and charged";
    }
    is $server->stop, 0, 'nginx stops';
    is join("\n", $server->logged(qr/\[(?:alert|emerg|crit)\]/)), '', 'quietly';
}

# without, nginx hangs up on the engine, and nobody learns what it did
my $server = server('flush=10ms', 'off');
my $before = used($server);
for my $way (sort keys %Way) {
    my $id = 'gone-' . ++$Id;
    my ($engine, $kept) = $Way{$way}->($server->{port}, $id);
    ok !HXGate::more($engine, \(my $in = '')), "off, $way: nginx hangs up";
    is records($id, 1), 'acme prod 499 0.0', "off, $way: recorded";
    is used($server), $before, "off, $way: not charged";
}
is $server->stop, 0, 'nginx stops';

done_testing;
