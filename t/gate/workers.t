# Several workers: all of them know the same tenants at once, whichever a
# connection lands on.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();

my $Server = HXGate::Server->new(workers => 4, config =>
    HXGate::config(gate => 'add_header X-Pid $pid always;')
    . 'location = /pid { return 200 $pid; }')->start;

# Sends the request until each worker has answered it; the answers by worker.
sub everywhere {
    my ($name, @request) = @_;

    my %seen;
    HXGate::wait_for("all workers to answer: $name", sub {
        # connections held open make the others go to other workers
        my @s = map { HXGate::connect_to($Server->{port}) } 1 .. 12;
        HXGate::send_all($_, HXGate::request_text(@request)) for @s;
        for my $s (@s) {
            my $rest = '';
            my $r = HXGate::response($s, \$rest);
            push @{ $seen{$r->{headers}{'x-pid'}} }, $r->{status};
        }
        return keys %seen == 4;
    });
    my %statuses = map { $_ => 1 } map { @$_ } values %seen;
    return join ' ', sort keys %statuses;
}

my $r = $Server->admin('onboard/create',
                       { tenant_id => 'acme', namespaces => ['prod'] });
is($r->{status}, 201, 'created');
my $key = $r->{json}{api_key};
my @get = ('GET', '/v1/get/prod/k');

is(everywhere('created', @get, key => $key), 200, 'known to every worker');

for my $round (1 .. 5) {
    $r = $Server->admin('onboard/rotate-key', { tenant_id => 'acme' });
    is($r->{status}, 200, "rotated, round $round");
    my $old = $key;
    $key = $r->{json}{api_key};
    is(everywhere('old key', @get, key => $old), 401,
       'the old key is dead in every worker');
    is(everywhere('new key', @get, key => $key), 200,
       'the new one good in every worker');
}

my @other = ('GET', '/v1/get/other/k', key => $key);
is(everywhere('foreign', @other), 403, 'foreign namespace');
$Server->admin('onboard/add-namespace',
               { tenant_id => 'acme', namespace => 'other' });
is(everywhere('added', @other), 200, 'added');
$Server->admin('onboard/remove-namespace',
               { tenant_id => 'acme', namespace => 'other' });
is(everywhere('removed', @other), 403, 'removed');
$Server->admin('onboard/suspend', { tenant_id => 'acme' });
is(everywhere('suspended', @get, key => $key), 403, 'suspended');
$Server->admin('onboard/activate', { tenant_id => 'acme' });
is(everywhere('active', @get, key => $key), 200, 'active');

# a worker that dies is replaced by one that knows as much
my ($victim) = $Server->pids;
kill 'KILL', $victim;
HXGate::wait_for('the new worker', sub {
    my @now = $Server->pids;
    return @now == 4 && !grep { $_ == $victim } @now;
});
is(everywhere('after a crash', @get, key => $key), 200,
   'a new worker knows the tenant');
$r = $Server->admin('onboard/rotate-key', { tenant_id => 'acme' });
is($r->{status}, 200, 'the admin plane works after a crash');
is(everywhere('old key', @get, key => $key), 401,
   'the old key is dead in every worker');

$Server->admin('onboard/delete', { tenant_id => 'acme' });
is(everywhere('deleted', @get, key => $r->{json}{api_key}), 401, 'deleted');

is($Server->stop, 0, 'nginx stops');
done_testing();
