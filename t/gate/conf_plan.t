# hx_gate_plan: its values, and that tenants have what it says.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

sub plan_is {
    return (http => "hx_gate_plan @_;");
}

my $rate = 'requests=10 window=60s';
my $all = "$rate quota=100";

# a name
conf_good('a plan', plan_is("gold $all"));
conf_good('a name of 64 characters', plan_is('n' x 64, $all));
conf_good('all kinds of characters', plan_is("Az_09-x $all"));
for my $name ('""', 'n' x 65, 'a.b', '"a b"', 'a/b', "\xc3\xa4", '*') {
    (my $shown = $name) =~ s/"//g;
    conf_bad("the name $name", qq(invalid plan name "$shown", it must be 1 to )
             . '64 of [A-Za-z0-9_-]', plan_is($name, $all));
}

# requests
my $requests = sub {
    return qq(invalid requests "$_[0]", it must be from 1 to 4294967295 or )
        . '"default"';
};
for my $v (1, 4294967295) {
    conf_good("requests=$v", plan_is("gold requests=$v window=1 quota=1"));
}
conf_good('requests=default', plan_is('gold requests=default quota=1'));
for my $v ('', 0, -1, 4294967296, '99999999999999999999', '1.5', '1e3', '010',
           'many', 'defaults', 'Default')
{
    conf_bad("requests=$v", $requests->($v),
             plan_is("gold requests=$v window=1 quota=1"));
}

# window
my $window = sub {
    return qq(invalid window "$_[0]", it must be from 1s to 31d in whole )
        . 'seconds';
};
for my $v ('1s', 1, '5m', '1h30m', '31d', '2678400', '1M') {
    conf_good("window=$v", plan_is("gold requests=1 window=$v quota=1"));
}
for my $v ('', 0, '0s', '500ms', '31d1s', '2678401', '1y', -1, '1.5s', 'day',
           '99999999999999999999')
{
    conf_bad("window=$v", $window->($v),
             plan_is("gold requests=1 window=$v quota=1"));
}

# quota
my $quota = sub {
    return qq(invalid quota "$_[0]", it must be "unlimited" or a number of )
        . 'CUs with at most one decimal, up to 1000000000000';
};
for my $v (0, '0.1', '12.5', 1000, '1000000000000', '1000000000000.0',
           'unlimited')
{
    conf_good("quota=$v", plan_is("gold $rate quota=$v"));
}
for my $v ('', -1, '1.25', '1,5', '.', '1.', '1000000000000.1', '1e6', 'none',
           'Unlimited', '99999999999999999999')
{
    conf_bad("quota=$v", $quota->($v), plan_is("gold $rate quota=$v"));
}

# overage
conf_good("overage=$_", plan_is("gold $all overage=$_")) for qw(on off);
for my $v ('', 'On', 'yes', 1) {
    conf_bad("overage=$v", qq(invalid overage "$v", it must be "on" or "off"),
             plan_is("gold $all overage=$v"));
}

# what belongs together
conf_good('in any order', plan_is('gold overage=on quota=1 window=1 '
                                  . 'requests=1'));
conf_bad('no requests', 'plan "gold" needs "requests="',
         plan_is('gold window=1 quota=1'));
conf_bad('neither requests nor window', 'plan "gold" needs "requests="',
         plan_is('gold quota=1'));
conf_bad('no window', 'plan "gold" needs "window=" with "requests="',
         plan_is('gold requests=1 quota=1'));
conf_bad('no quota', 'plan "gold" needs "quota="', plan_is("gold $rate"));
conf_bad('a window for the default',
         'plan "gold" needs no "window=" with "requests=default"',
         plan_is('gold requests=default window=1 quota=1'));
for my $twice ('requests=2', 'window=2', 'quota=2', 'overage=off') {
    conf_bad("$twice as well", qq(duplicate parameter "$twice"),
             plan_is("gold $all overage=on $twice"));
}
conf_bad('unknown option', 'invalid parameter "price=1"',
         plan_is("gold $all price=1"));
conf_bad('no option', 'invalid parameter "requests"',
         plan_is("gold requests window=1 quota=1"));
conf_bad('a name alone', 'invalid number of arguments in "hx_gate_plan" '
         . 'directive', plan_is('gold'));
conf_bad('nothing', 'invalid number of arguments in "hx_gate_plan" directive',
         plan_is());
conf_bad('in a server', '"hx_gate_plan" directive is not allowed here',
         server => "hx_gate_plan gold $all;", at => 'hx_gate_plan');

# several
conf_good('several, one of them built in', http => <<"EOC");
hx_gate_plan gold $all;
hx_gate_plan starter $all;
hx_gate_plan golden $all;
EOC
conf_bad('twice', 'plan "gold" is already configured', http => <<"EOC",
hx_gate_plan gold $all;
hx_gate_plan gold $rate quota=7;
EOC
         at => 'quota=7');
conf_bad('a built-in one twice', 'plan "pro" is already configured',
         http => <<"EOC", at => 'quota=7');
hx_gate_plan pro $all;
hx_gate_plan gold $all;
hx_gate_plan pro $rate quota=7;
EOC
my @own = map { "hx_gate_plan p$_ $all;" } 1 .. 61;
conf_good('60 beside the built-in ones', http => join "\n", @own[0 .. 59]);
conf_good('64 with the built-in ones', http => join "\n", @own[0 .. 59],
          map { "hx_gate_plan $_ $all;" } qw(starter builder pro enterprise));
conf_bad('65', 'more than 64 plans, the built-in ones included',
         http => join("\n", @own), at => 'p61');

# what a tenant has
my $server = HXGate::Server->new(http => HXGate::http_config() . <<'EOC')
    hx_gate_plan gold requests=9 window=1h quota=12.5 overage=on;
    hx_gate_plan pro requests=1 window=1s quota=unlimited;
    hx_gate_plan open requests=default quota=0;
    hx_gate_default_rate_limit requests=7 window=2m;
EOC
    ->start;

sub limits {
    my ($call, %json) = @_;
    my $r = $server->admin("onboard/$call", \%json);
    diag $r->{body} if $r->{status} >= 300;
    return [ @{ $r->{json} }{qw(plan monthly_quota rate_limit)} ];
}

sub rate {
    return { requests => $_[0], window_s => $_[1] };
}

is_deeply limits('create', tenant_id => 'a', plan => 'gold'),
    [ 'gold', 12.5, rate(9, 3600) ], 'a plan of its own';
is_deeply limits('create', tenant_id => 'b', plan => 'pro'),
    [ 'pro', undef, rate(1, 1) ], 'in place of the built-in one';
is_deeply limits('create', tenant_id => 'c', plan => 'open'),
    [ 'open', 0, rate(7, 120) ], 'the rate by default';
is_deeply limits('create', tenant_id => 'd', plan => 'enterprise'),
    [ 'enterprise', undef, rate(7, 120) ], 'the rate by default, built in';
is_deeply limits('create', tenant_id => 'e'),
    [ 'starter', 1000, rate(10, 60) ], 'the built-in ones are still there';
is_deeply limits('update-tier', tenant_id => 'e', plan => 'gold'),
    [ 'gold', 12.5, rate(9, 3600) ], 'another plan';
is_deeply limits('update-tier', tenant_id => 'e', plan => 'gold',
                 monthly_quota => 3, rate_limit => rate(4, 2678400)),
    [ 'gold', 3, rate(4, 2678400) ], 'an override';
is $server->admin('admin/tenants/a')->{json}{monthly_quota}, 12.5, 'one';
is_deeply [ map { $_->{monthly_quota} }
            @{ $server->admin('admin/tenants')->{json}{tenants} } ],
    [ 12.5, undef, 0, undef, 3 ], 'all';
is $server->admin('onboard/create', { tenant_id => 'x', plan => 'silver' })
    ->{json}{detail}, "Unknown plan 'silver', known: starter, builder, pro, "
    . 'enterprise, gold, open', 'no such plan';

# a plan that is no more: starter's quota, the default rate
$server->reload(http => HXGate::http_config() . <<'EOC');
    hx_gate_plan starter requests=3 window=3s quota=33;
    hx_gate_default_rate_limit requests=8 window=1m;
EOC
sub has {
    my ($id) = @_;
    my $json = $server->admin("admin/tenants/$id")->{json};
    return [ @$json{qw(plan monthly_quota rate_limit)} ];
}
is_deeply has('a'), [ 'gold', 33, rate(8, 60) ], 'a plan that is no more';
is_deeply has('e'), [ 'gold', 3, rate(4, 2678400) ], 'but for its own limits';
is_deeply has('b'), [ 'pro', 500000, rate(1000, 60) ], 'the built-in one again';

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
