# Monthly quotas: with and without overage, only where billing is on, and
# together with the window: what one refuses the other does not count.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use HXBlock;
use Test::More;

HXGate::upstream();

my $plans = <<'EOC';
    hx_gate_plan tight requests=20 window=1m quota=1.5 overage=off;
    hx_gate_plan loose requests=20 window=1m quota=1.5 overage=on;
    hx_gate_plan few   requests=2 window=1m quota=100 overage=off;
EOC
my $port = HX::port(1);
my $server = HXGate::Server->new(
    http => HXGate::http_config(limits => 1,
                                more => $plans . 'hx_gate_billing on;'),
    config => HXGate::config() . <<"EOC");
    location /free/ {
        hx_gate on; hx_gate_billing off;
        hx_gate_operation free_list GET "/free/{ns}" cost=1.0;
        proxy_pass http://127.0.0.1:$port;
    }
EOC
$server->start;
HXGate::create($server->{port}, map { { tenant_id => $_, plan => $_ } }
               qw(tight loose few));

sub ask {
    my ($tenant, $method, $target, %o) = @_;
    return $server->request($method, $target, key => $HXGate::Key{$tenant},
                            %o);
}

sub put { return ask($_[0], 'POST', '/v1/put', json => { key => 'k' }) }
sub list { return ask($_[0], 'GET', $_[1] // '/v1/list/default') }
sub used {
    my $u = $server->admin("admin/usage/$_[0]")->{json};
    return $u->{cus_used};
}


# tight: 1.5 CUs, no more

is put('tight')->{status}, 200, '1.0 of 1.5';
my $r = put('tight');
HXBlock::refusal('another 1.0', $r, 429, 'quota_exceeded',
                 "Monthly CU quota exceeded for tenant 'tight'");
is $r->{headers}{'x-hx-cus'}, '0.0', 'it costs nothing';
is $r->{headers}{'x-ratelimit-remaining'}, 19, 'and no place in the window';
cmp_ok $r->{headers}{'retry-after'}, '>=', 1, 'until the next month at most';
cmp_ok $r->{headers}{'retry-after'}, '<=', 31 * 86400, 'one month at most';

for my $n (1 .. 5) {
    is list('tight')->{status}, 200, "0.1, what is left holds $n of them";
}
is list('tight')->{status}, 429, 'to the tenth';
is used('tight'), 1.5, 'used: all of it';

# a failed request gives back what was set aside for it
is list('few', '/v1/list/default?_status=500')->{status}, 500, 'engine: 500';
is used('few'), 0, 'nothing is charged';


# a body is not read for a tenant without a rest

my $s = HXGate::connect_to($server->{port});
HXGate::send_all($s, "POST /v1/put HTTP/1.1\r\nHost: x\r\n"
    . "X-Api-Key: $HXGate::Key{tight}\r\nContent-Length: 100000\r\n\r\n");
is HXGate::response($s)->{status}, 429, 'refused before the body has come';
close $s;


# loose: beyond the quota, served and counted

is put('loose')->{status}, 200, "put $_" for 1 .. 3;
is used('loose'), 3, 'overage is counted';


# few: what the window refuses is not set aside of the quota

is list('few')->{status}, 200, 'the second in the window';
$r = list('few');
is $r->{json}{error}, 'rate_limited', 'the third is refused by the window';
is used('few'), 0.1, 'and not charged';
like $server->admin('onboard/update-tier', {
    tenant_id => 'few', plan => 'few', monthly_quota => 1,
    rate_limit => { requests => 100, window_s => 60 } })->{status}, qr/200/,
    'an override of both';
is list('few')->{status}, 200, "0.1 of the rest, $_" for 1 .. 9;
is list('few')->{json}{error}, 'quota_exceeded', 'exactly 1.0, and no more';
is used('few'), 1, 'used: 1.0';


# where billing is off nobody is refused, and counting goes on

is ask('tight', 'GET', '/free/default')->{status}, 200, 'billing off';
is used('tight'), 2.5, 'it is charged all the same';


# the quota is one for all workers, and for requests at the same time

$server->admin('onboard/update-tier', {
    tenant_id => 'loose', plan => 'tight', monthly_quota => 8,
    rate_limit => { requests => 1000, window_s => 60 } });

my @open;
for (1 .. 20) {
    my $c = HXGate::connect_to($server->{port});
    HXGate::send_all($c, HXGate::request_text('POST', '/v1/put',
        key => $HXGate::Key{loose}, json => { key => 'k' }));
    push @open, $c;
}
my %status;
$status{HXGate::response($_)->{status}}++ for @open;
is_deeply \%status, { 200 => 5, 429 => 15 }, '3.0 used: 5 of 20 at once';
# nginx ends a request when its client has closed
close $_ for @open;
HXGate::wait_for('the charges', sub { used('loose') == 8 });
is used('loose'), 8, 'used: all 8.0';

$server->stop;
done_testing;
