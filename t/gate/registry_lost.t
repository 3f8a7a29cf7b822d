# A registry that is lost makes nobody a stranger: clients that are told 401
# throw their keys away, so they are told 503 until it is back.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();

my $Registry = "$HXGate::Dir/registry";
my $Server = HXGate::Server->new(workers => 2)->start;
my $Unknown = HXBlock::expand('{unknown}');

sub get {
    my ($key) = @_;
    return $Server->request('GET', '/v1/get/prod/k', key => $key)->{status};
}

is(get($Unknown), 503, 'where never a tenant was nobody is told 401');
ok($Server->logged(qr/there never was a tenant in it/), 'and it is logged');
is($Server->request('GET', '/ready')->{status}, 200,
   'the admin plane can be reached through what asks /ready');

HXGate::create($Server->{port}, { tenant_id => 'acme', namespaces => ['prod'] },
               { tenant_id => 'beta' });
my $Key = $HXGate::Key{acme};

is(get($Key), 200, 'known');
is(get($Unknown), 401, 'with a tenant, unknown is unknown');

# the last tenant is deleted on purpose: that is no loss
$Server->admin('onboard/delete', { tenant_id => $_ }) for 'acme', 'beta';
is(get($Key), 401, 'deleted');
HXGate::create($Server->{port}, { tenant_id => 'acme', namespaces => ['prod'] });
$Key = $HXGate::Key{acme};
is(get($Key), 200, 'known again');

# files moved away under the running server, and back
mkdir "$Registry.away" or die;
rename "$Registry/$_", "$Registry.away/$_" or die for 'data.mdb', 'lock.mdb';

HXGate::wait_for('the loss to be noticed', sub { get($Key) != 200 });
for my $try (1 .. 20) {
    my $status = get($Key);
    is($status, 503, "lost is 503, try $try") or last;
}
HXGate::wait_for('all workers to notice', sub {
    my @s = map { $Server->request('GET', '/ready')->{status} } 1 .. 8;
    return !grep { $_ != 503 } @s;
});
ok(!-e "$Registry/data.mdb", 'nothing was created in its place');

# neither by workers that start now
my ($victim) = $Server->pids;
kill 'KILL', $victim;
HXGate::wait_for('the new worker', sub {
    my @now = $Server->pids;
    return @now == 2 && !grep { $_ == $victim } @now;
});
$Server->reload;
is(get($Key), 503, 'lost for new workers too');
ok(!-e "$Registry/data.mdb", 'nothing was created by them');

rename "$Registry.away/$_", "$Registry/$_" or die for 'data.mdb', 'lock.mdb';
HXGate::wait_for('the registry to be back', sub { get($Key) == 200 });
HXGate::wait_for('all workers to have it back', sub {
    my @s = map { $Server->request('GET', '/ready')->{status} } 1 .. 8;
    return !grep { $_ != 200 } @s;
});
is(get($Unknown), 401, 'unknown is unknown again');

is($Server->stop, 0, 'nginx stops');
done_testing();
