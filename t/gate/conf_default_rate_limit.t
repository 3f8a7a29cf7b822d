# hx_gate_default_rate_limit, and the environment that stands in for it.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $requests_env = 'HX_GATE_DEFAULT_RATE_LIMIT_REQUESTS';
my $window_env = 'HX_GATE_DEFAULT_RATE_LIMIT_WINDOW_S';
my $args = 'invalid number of arguments in "hx_gate_default_rate_limit" '
    . 'directive';

sub rate {
    return (http => "hx_gate_default_rate_limit @_;");
}

conf_good('a rate', rate('requests=100 window=60s'));
conf_good('the other way round', rate('window=1h requests=1'));
conf_good('the least', rate('requests=1 window=1'));
conf_good('the most', rate('requests=4294967295 window=31d'));

for my $v ('', 0, -1, 4294967296, '1.5', '01', 'default', 'many') {
    conf_bad("requests=$v", qq(invalid requests "$v", it must be from 1 to )
             . '4294967295', rate("requests=$v window=1"));
}
for my $v ('', 0, '1ms', '31d1s', '2678401', '1y', -1, 'day') {
    conf_bad("window=$v", qq(invalid window "$v", it must be from 1s to 31d )
             . 'in whole seconds', rate("requests=1 window=$v"));
}
conf_bad('requests twice', 'duplicate parameter "requests=2"',
         rate('requests=1 requests=2'));
conf_bad('window twice', 'duplicate parameter "window=1"',
         rate('window=1 window=1'));
conf_bad('unknown option', 'invalid parameter "quota=1"',
         rate('requests=1 quota=1'));
conf_bad('no window', $args, rate('requests=1'));
conf_bad('no requests', $args, rate('window=1'));
conf_bad('too much', $args, rate('requests=1 window=1 quota=1'));
conf_bad('nothing', $args, rate());
conf_bad('twice', '"hx_gate_default_rate_limit" directive is duplicate',
         http => "hx_gate_default_rate_limit requests=1 window=1;\n"
         . 'hx_gate_default_rate_limit requests=2 window=1;',
         at => 'requests=2');
conf_bad('in a server', '"hx_gate_default_rate_limit" directive is not '
         . 'allowed here', server =>
         'hx_gate_default_rate_limit requests=1 window=1;', at => 'requests=1');

# the environment, where there is no directive
for my $v (1, 4294967295) {
    conf_good("$requests_env=$v", env => { $requests_env => $v });
}
for my $v ('', 0, -1, 4294967296, '1.5', '100 ', 'many') {
    conf_bad("$requests_env=$v", "$requests_env must be a number from 1 to "
             . qq(4294967295, not "$v"), env => { $requests_env => $v },
             at => 'location /v1/');
}
for my $v (1, 2678400) {
    conf_good("$window_env=$v", env => { $window_env => $v });
}
for my $v ('', 0, 2678401, '60s', -60) {
    conf_bad("$window_env=$v", "$window_env must be a number from 1 to "
             . qq(2678400, not "$v"), env => { $window_env => $v },
             at => 'location /v1/');
}
my %bad = ($requests_env => 'many', $window_env => 'long');
conf_good('a directive wins', rate('requests=1 window=1'), env => { %bad });
conf_good('nobody asks where the gate is off', env => { %bad }, zone => '',
          registry => '', key => '', audit => '', server => 'return 200;');

# what a tenant has whose plan has no rate, from each of the sources
sub default_rate {
    my ($http, %env) = @_;
    my $server = HXGate::Server->new(
        http => HXGate::http_config() . $http, env => { %env },
        config => 'location /gate/ { hx_gate_admin; }')->start;
    $server->admin('onboard/create',
                   { tenant_id => 'acme', plan => 'enterprise' });
    my $rate = $server->admin('admin/tenants/acme')->{json}{rate_limit};
    $server->stop;
    return "$rate->{requests} in $rate->{window_s}";
}

my %env = ($requests_env => 200, $window_env => 30);
my $directive = 'hx_gate_default_rate_limit requests=5 window=2m;';
is default_rate(''), '100 in 60', 'built in';
is default_rate('', %env), '200 in 30', 'of the environment';
is default_rate('', $requests_env => 200), '200 in 60', 'one variable';
is default_rate('', $window_env => 30), '100 in 30', 'the other variable';
is default_rate($directive), '5 in 120', 'of the directive';
is default_rate($directive, %env), '5 in 120', 'the directive wins';

done_testing;
