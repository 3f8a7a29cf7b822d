# syslog: as a second sink.  Each record is a datagram of its own, the same text
# as in the file; one that nobody takes is counted, the file has it.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;
use IO::Socket::UNIX ();
use Socket qw(SOCK_DGRAM);

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};
my $metrics = HX::port(3);
my $port = HX::port(4);
my $path = "$HXGate::Dir/log.sock";
my $secret = "$HXGate::Dir/audit.key";
HXGate::spew($secret, 's' x 40);

sub serve {
    my ($options) = @_;
    unlink $HXGate::Audit;
    return HXGate::Server->new(
        http => HXGate::http_config(audit => "$HXGate::Audit flush=10ms "
                                    . $options) . <<"EOC")->start;
server { listen 127.0.0.1:$metrics; location = /metrics { hx_gate_metrics; } }
EOC
}

sub datagram {
    my ($s) = @_;
    IO::Select->new($s)->can_read(HXGate::PATIENCE) or die 'no datagram';
    defined $s->recv(my $text, 65536) or die $!;
    return $text;
}

# <local3.notice> and a header like the one of access_log
sub check {
    my ($name, $s, $server, $n) = @_;
    my @got;
    for (1 .. $n) {
        my $text = datagram($s);
        my ($json) = $text =~ /^<157>\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ hx: (.*)$/;
        push @got, $json // "not a record: $text";
    }
    HXGate::wait_for('the file', sub {
        (() = HXGate::slurp($HXGate::Audit) =~ /\n/g) >= $n;
    });
    is join("\n", @got) . "\n", HXGate::slurp($HXGate::Audit),
        "$name: the text of the file";
}

my $conf = 'facility=local3,severity=notice,tag=hx';
for my $case (
    ['UDP', "server=127.0.0.1:$port", sub {
        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                              Proto => 'udp') or die $! }],
    ['unix', "server=unix:$path", sub {
        my $s = IO::Socket::UNIX->new(Local => $path, Type => SOCK_DGRAM)
            or die $!;
        chmod 0666, $path;
        return $s }],
) {
    my ($name, $where, $listen) = @$case;
    for my $how ('', 'durability=write', 'durability=fsync',
                 "extended chain key=$secret")
    {
        unlink $path;
        my $s = $listen->();
        my $server = serve("syslog:$where,$conf $how");
        $server->request('GET', '/v1/get/prod/' . 'k' x (20 * $_), key => $key)
            for 1 .. 5;
        check("$name $how", $s, $server, $how =~ /chain/ ? 6 : 5);
        is $server->stop, 0, "$name $how: nginx ends";
    }
}

# the longest there is
{
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                                  Proto => 'udp') or die $!;
    my $server = serve("syslog:server=127.0.0.1:$port,$conf");
    $server->request('GET', '/v1/get/prod/' . '"' x 2000, key => $key);
    check('a long one', $s, $server, 1);
    cmp_ok -s $HXGate::Audit, '>', 4000, 'a long one: it is';
    is $server->stop, 0, 'a long one: nginx ends';
}

# nobody there
{
    my $server = serve("syslog:server=unix:$path.none,$conf");
    is $server->request('GET', '/v1/get/prod/k', key => $key)->{status}, 200,
        'nobody there: requests pass';
    HXGate::audit(1);
    pass 'nobody there: the file has it';
    like HXGate::request('GET', '/metrics', port => $metrics)->{body},
        qr/^hx_gate_audit_syslog_errors_total 1$/m, 'nobody there: counted';
    is $server->stop, 0, 'nobody there: nginx ends';
}

done_testing;
