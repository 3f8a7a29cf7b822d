# Two nginx on one registry, with different map sizes: what one writes the
# other knows, also when the file grows beyond its own map.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
my ($small, $large) = map {
    HXGate::Server->new(name => $_->[0], port => HX::port($_->[1]),
                        http => HXGate::http_config(
                            map_size => $_->[2],
                            audit => "$HXGate::Dir/$_->[0].jsonl"))->start
} [ 'small', 3, '1m' ], [ 'large', 4, '64m' ];

sub status_at {
    my ($server, $id) = @_;
    return $server->request('GET', '/v1/list/prod',
                            key => $HXGate::Key{$id})->{status};
}

sub create {
    my ($server, $id, @more) = @_;
    HXGate::create($server->{port}, { tenant_id => $id,
                                      namespaces => ['prod', @more] });
}

create($small, 'a');
create($large, 'b');
is status_at($_, 'a') . status_at($_, 'b'), '200200',
    "$_->{name}: knows both" for $small, $large;

# beyond 1 MiB
my @long = map { "n$_" . 'x' x 230 } 1000 .. 1200;
create($large, "l$_", @long) for 1 .. 40;
cmp_ok -s "$HXGate::Dir/registry/data.mdb", '>', 1048576, 'the file has grown';

is join(' ', map { status_at($small, $_) } 'a', map { "l$_" } 1 .. 40),
    join(' ', (200) x 41), 'small: knows them all';
is $small->admin('admin/tenants/l40')->{status}, 200, 'small: can look';
is scalar @{ $small->admin('admin/tenants?limit=1000')->{json}{tenants} },
    $small->admin('admin/tenants?limit=1000')->{json}{count},
    'small: can list';
is $small->admin('onboard/suspend', { tenant_id => 'l40' })->{status}, 200,
    'small: can change';
is status_at($large, 'l40'), 403, 'large: knows it at once';
is $small->admin('onboard/create', { tenant_id => 'c' })->{status}, 503,
    'small: adds nothing beyond its own size';
create($large, 'c', @long);
is status_at($small, 'c'), 200, 'large: does, and small knows it';

# one goes, the other does not mind; it comes back
$large->stop('TERM');
is status_at($small, 'l1'), 200, 'small: alone';
$small->admin('onboard/suspend', { tenant_id => 'l1' });
$large->start;
is status_at($large, 'l1'), 403, 'large: back, and knows what happened';

# killed in the middle of its work
kill 'KILL', $large->pids;
HXGate::wait_for('new workers', sub {
    my @pids = $large->pids;
    @pids && $large->request('GET', '/ready')->{status} == 200;
});
create($large, 'e');
is status_at($small, 'e'), 200, 'workers were killed: both work on';

is join(' ', map { $_->stop } $small, $large), '0 0', 'both end well';
is join("\n", grep { !/MDB_MAP_FULL/ }
        $small->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing else an operator has to look at';
done_testing;
