# Whose limit holds: the tenant's own, else its plan's, else the default; and a
# limit that is changed keeps what was used.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use Test::More;

HXGate::upstream();

my $plans = <<'EOC';
    hx_gate_plan small requests=5 window=2m quota=unlimited;
    hx_gate_plan plain requests=default quota=unlimited;
EOC
my $server = HXGate::Server->new(
    http => HXGate::http_config(limits => 1, more => $plans
        . 'hx_gate_default_rate_limit requests=42 window=30s;'));
$server->start;
HXGate::create($server->{port}, map { { tenant_id => $_, plan => $_ } }
               qw(small plain enterprise builder));

sub standing {
    my ($tenant) = @_;
    my $r = $server->request('GET', '/v1/list/default',
                             key => $HXGate::Key{$tenant});
    return join ' ', $r->{status},
        map { $r->{headers}{"x-ratelimit-$_"} } qw(limit remaining);
}

sub tier {
    my (%o) = @_;
    my $r = $server->admin('onboard/update-tier', \%o);
    is $r->{status}, 200, "update-tier of $o{tenant_id}";
    return $r->{json}{rate_limit};
}


is standing('small'), '200 5 4', 'a configured plan';
is standing('builder'), '200 100 99', 'a built-in plan';
is standing('plain'), '200 42 41', 'the default, by a plan without a rate';
is standing('enterprise'), '200 42 41', 'the default, by a built-in one';

is_deeply tier(tenant_id => 'small', plan => 'small',
               rate_limit => { requests => 7, window_s => 90 }),
    { requests => 7, window_s => 90 }, 'told what holds';
is standing('small'), '200 7 5', 'an override holds, and what was used stays';

tier(tenant_id => 'small', plan => 'builder');
is standing('small'), '200 7 4', 'whatever the plan';

tier(tenant_id => 'small', plan => 'small', rate_limit => undef);
is standing('small'), '200 5 1', 'until it is taken back';

tier(tenant_id => 'small', plan => 'small',
     rate_limit => { requests => 2, window_s => 120 });
like standing('small'), qr/^429 2 0$/, 'lowered below what was used';

tier(tenant_id => 'small', plan => 'small',
     rate_limit => { requests => 3000000, window_s => 86400 });
is standing('small'), '200 3000000 2999995', 'raised a lot';

tier(tenant_id => 'small', plan => 'small',
     rate_limit => { requests => 6, window_s => 60 });
is standing('small'), '200 6 0', 'and back: the sixth';
like standing('small'), qr/^429 6 0$/, 'the seventh is refused';


# a reload changes plans and default, not what was used

$server->reload(http => HXGate::http_config(limits => 1, more => <<'EOC'));
    hx_gate_plan plain requests=50 window=1m quota=unlimited;
    hx_gate_default_rate_limit requests=60 window=1m;
EOC

is standing('plain'), '200 50 48', 'another rate of the plan';
is standing('enterprise'), '200 60 58', 'another default';

# plan "small" is gone: its tenant's override holds, then the default
tier(tenant_id => 'small', plan => 'pro', rate_limit => undef);
like standing('small'), qr/^200 1000 \d+$/, 'a plan that is there';

$server->stop;


# from the environment, where there is no directive

my %env = (HX_GATE_DEFAULT_RATE_LIMIT_REQUESTS => 11,
           HX_GATE_DEFAULT_RATE_LIMIT_WINDOW_S => 20);
$server = HXGate::Server->new(
    name => 'env', env => \%env, http => HXGate::http_config(limits => 1));
$server->start;
like standing('enterprise'), qr/^200 11 /, 'the default of the environment';
$server->stop;

done_testing;
