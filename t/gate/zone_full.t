# A zone without room: creating a tenant says so, nobody alive loses its place,
# and a tenant that has none gets 503, not more than its limit.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use HXBlock;
use Test::More;

HXGate::upstream();

my %o = (limits => 1, zone => "gate 256k state=$HXGate::Dir",
         registry => "lmdb:$HXGate::Dir/registry map_size=16m "
                     . 'usage_flush=60s',
         more => 'hx_gate_plan p requests=15 window=1h quota=unlimited;');
my $server = HXGate::Server->new(http => HXGate::http_config(%o),
    config => HXGate::config()
              . 'location = /metrics { allow all; hx_gate_metrics; }');
$server->start;

sub get {
    my ($tenant) = @_;
    return $server->request('GET', '/v1/list/default',
                            key => $HXGate::Key{$tenant});
}

sub metric {
    my ($name) = @_;
    my ($v) = $server->request('GET', '/metrics')->{body}
        =~ /^\Q$name\E (\S+)$/m;
    return $v;
}

my $free = metric('hx_gate_zone_blocks{state="free"}');
cmp_ok $free, '>', 500, 'a 256k zone has room for hundreds';
is metric('hx_gate_zone_full_total'), 0, 'never full';

my $n = 0;
my $r;
while ($n < $free + 100) {
    my $id = sprintf 't%04d', $n;
    $r = $server->admin('onboard/create', { tenant_id => $id, plan => 'p' });
    last if $r->{status} != 201;
    $HXGate::Key{$id} = $r->{json}{api_key};

    # alive: its window counts, its usage is stored nowhere else
    is get($id)->{status}, 200, "$id is served" if $n < 40;
    get($id);
    $n++;
}

is $n, $free, 'each of them has its place, and not one more';
HXBlock::refusal('create', $r, 503, 'unavailable',
                 'hx_gate_zone is full: no room for another tenant');
is $server->admin('admin/tenants/' . sprintf 't%04d', $n)->{status}, 404,
    'it was not created';
cmp_ok metric('hx_gate_zone_full_total'), '>', 0, 'the metric says so';
is metric('hx_gate_zone_blocks{state="free"}'), 0, 'no block is free';

# nobody's window was taken
for my $i (0, 1, 39, $n - 1) {
    my $id = sprintf 't%04d', $i;
    is get($id)->{headers}{'x-ratelimit-remaining'}, $i < 40 ? 12 : 13,
        "$id still counts what it did";
}

# what needs more room than there is, is trouble, not a refusal
$server->admin('onboard/update-tier',
    { tenant_id => 't0000', plan => 'p',
      rate_limit => { requests => 1000, window_s => 3600 } });
my %status;
$status{get('t0000')->{status}}++ for 1 .. 20;
is_deeply [sort keys %status], [200, 503], '503 where no memory is left';
cmp_ok $status{200}, '<=', 13, 'and not one request beyond what is counted';

# old keys, suspended tenants: what takes rights away needs no room
is $server->admin('onboard/suspend', { tenant_id => 't0001' })->{status}, 200,
    'suspending works';

is scalar($server->logged(qr/zone is full/)) > 0, 1, 'the error log says so';

# with a larger zone everything goes on
my $left = get('t0002')->{headers}{'x-ratelimit-remaining'};
$server->stop;
$server->write(http => HXGate::http_config(%o,
    zone => "gate 1m state=$HXGate::Dir"));
$server->start;
is get('t0002')->{headers}{'x-ratelimit-remaining'}, $left - 1,
    'in a larger zone it still counts what it did';
HXGate::create($server->{port}, { tenant_id => 'one-more', plan => 'p' });
is get('one-more')->{status}, 200, 'and there is room';

$server->stop;
done_testing;
