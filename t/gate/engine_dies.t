# An engine that is slow while the client leaves, or dies in the middle of its
# answer: one record each, with what happened.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

my $Engine = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                   LocalPort => HX::port(1), Proto => 'tcp',
                                   Listen => 8, ReuseAddr => 1) or die $!;
my $Server = HXGate::Server->new->start;
HXGate::create($Server->{port}, { tenant_id => 'acme', namespaces => ['prod'] });

# A client whose request the engine has; both connections.
sub begin {
    my ($id) = @_;

    my $client = HXGate::connect_to($Server->{port});
    HXGate::send_all($client, HXGate::request_text('GET', '/v1/get/prod/k',
        key => $HXGate::Key{acme}, headers => ['X-Request-Id', $id]));
    IO::Select->new($Engine)->can_read(HXGate::PATIENCE) or die 'no request';
    my $engine = $Engine->accept or die $!;
    my $in = '';
    until ($in =~ /\r\n\r\n/) {
        HXGate::more($engine, \$in) or die 'cut request';
    }
    return ($client, $engine);
}

sub record {
    my ($id) = @_;

    my @found;
    HXGate::wait_for("the record of $id", sub {
        @found = grep { $_->{request_id} eq $id } HXGate::audit();
    });
    is(scalar @found, 1, "$id: one record");
    return join ' ', @{ $found[0] }{qw(tenant_id namespace status)},
        sprintf '%.1f', $found[0]{cus};
}

my ($client, $engine) = begin('left');
close $client;
is(record('left'), 'acme prod 499 0.0', 'the client left a slow engine');
close $engine;

($client, $engine) = begin('silent');
close $engine;
my $rest = '';
my $r = HXGate::response($client, \$rest);
is("$r->{status} $r->{json}{error}", '502 engine_unreachable',
   'the engine died before its answer');
is($r->{headers}{'x-hx-cus'}, '0.0', 'which costs nothing');
is(record('silent'), 'acme prod 502 0.0', 'and is on record');

($client, $engine) = begin('cut');
HXGate::send_all($engine, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n"
                          . "Content-Type: application/json\r\n\r\n{\"half");
close $engine;
ok(!eval { HXGate::response($client, \($rest = '')); 1 },
   'the client sees that the answer was cut');
like($@, qr/cut response body/, 'by its length');
is(record('cut'), 'acme prod 200 0.1', 'an answer begun is charged');

is($Server->stop, 0, 'nginx stops');
done_testing();
