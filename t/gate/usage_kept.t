# Charges outlive everything but the machine: reloads, restarts, kill -9 of a
# worker, of the master, of all at once; also before anything was stored.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use Test::More;

HXGate::upstream();

# nothing is stored by the timer within this test unless said so
my $registry = "lmdb:$HXGate::Dir/registry map_size=16m usage_flush=60s";
my %o = (limits => 1, registry => $registry);
my $server = HXGate::Server->new(workers => 2, listen => 'reuseport',
                                 http => HXGate::http_config(%o));
$server->start;
HXGate::create($server->{port}, { tenant_id => 'acme', plan => 'pro' });

my $expected = 0;

sub charge_only {
    for (1 .. 7) {
        is $server->request('POST', '/v1/put', json => { key => 'k' },
                            key => $HXGate::Key{acme})->{status}, 200, 'put';
        $expected++;
    }
}

sub charge {
    charge_only();

    # charged is what has ended: the client may have its answer before
    HXGate::wait_for('the charges', sub { used() == $expected });
}

sub used {
    return $server->admin('admin/usage/acme')->{json}{cus_used} // -1;
}

sub check {
    my ($name) = @_;
    is used(), $expected, $name;
    my $records = HXGate::wait_for('the records', sub {
        my $n = grep { $_->{path} eq '/v1/put' } HXGate::audit();
        return $n >= $expected && $n;
    });
    is $records, $expected, "$name: as many records";
}

# Sums in the store, by LMDB's own tool.
sub stored {
    my $dump = `mdb_dump -n -s usage '$HXGate::Dir/registry/usage.mdb'`;
    my ($data) = $dump =~ /HEADER=END\n(.*)DATA=END/s;
    my @line = grep { s/^ // } split /\n/, $data // '';
    my $sum = 0;
    while (my ($k, $v) = splice @line, 0, 2) {
        my $bytes = substr pack('H*', $v), 4;
        while (length $bytes) {
            my ($name, $tenths) = unpack 'C/a Q<', $bytes;
            substr $bytes, 0, 9 + length $name, '';
            $sum += $tenths;
        }
    }
    return $sum / 10;
}

sub remaining {
    return $server->request('GET', '/v1/list/foreign',
                            key => $HXGate::Key{acme})
        ->{headers}{'x-ratelimit-remaining'};
}


charge();
check('counted');
is stored(), 0, 'not stored yet';

$server->reload;
check('after a reload');
is stored(), $expected, 'stored by the workers that ended';

charge();
my ($victim) = $server->pids;
kill 'KILL', $victim;
HXGate::wait_for('its successor', sub {
    my @now = $server->pids;
    return @now == 2 && !grep { $_ == $victim } @now;
});
check('after kill -9 of a worker');
is stored(), $expected - 7, 'which stored nothing';
charge();

my $left = remaining();
$server->stop;
$server->start;
is stored(), $expected, 'stored when nginx ended';
check('after a restart');
is remaining(), $left, 'the window is as it was';

charge();
# the master first: it would replace a worker
kill 'KILL', $server->{pid}, $server->pids;
HXGate::wait_for('all to go', sub { waitpid $server->{pid}, 0; return 1 });
HXGate::wait_for('the port', sub {
    return !IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $server->{port});
});
is stored(), $expected - 7, 'the last ones were not stored';
$server->start;
check('after kill -9 of all at once');
is remaining(), $left - 7, 'and the window is as it was';
charge();
check('and goes on');
$server->stop;
is stored(), $expected, 'all is stored at the end';


# the timer

$server->write(http => HXGate::http_config(%o, registry =>
    "lmdb:$HXGate::Dir/registry map_size=16m usage_flush=100ms"));
$server->start;
charge();
HXGate::wait_for('the timer', sub { stored() == $expected });
is stored(), $expected, 'stored by the timer';


# a store that takes nothing keeps nobody from being charged

chmod 0400, "$HXGate::Dir/registry/usage.mdb";
rename "$HXGate::Dir/registry/usage.mdb", "$HXGate::Dir/registry/away";
charge_only();
HXGate::wait_for('a complaint', sub {
    return scalar $server->logged(qr/usage store in .* (?:is gone|did not)/);
});
rename "$HXGate::Dir/registry/away", "$HXGate::Dir/registry/usage.mdb";
chmod 0600, "$HXGate::Dir/registry/usage.mdb";
HXGate::wait_for('the store', sub { stored() == $expected });
check('once it is there again');

$server->stop;
is stored(), $expected, 'nothing twice, nothing lost';
done_testing;
