# hx_gate_billing, and the environment that stands in for it.
use lib 't/lib'; use HX; use HXConf;
use Test::More;

use strict;
use warnings;

my $env = 'HX_GATE_BILLING_ENABLED';
my $directive = '"hx_gate_billing" directive';
my $args = "invalid number of arguments in $directive";

sub billing {
    return (http => "hx_gate_billing @_;");
}

conf_good($_, billing($_)) for qw(on off);
conf_good('upper case, as any flag of nginx', billing('OFF'));
for my $v ('true', 'shadow', '1') {
    conf_bad($v, qq(invalid value "$v" in $directive, it must be "on" or )
             . '"off"', billing($v));
}
conf_bad('nothing', $args, billing());
conf_bad('two words', $args, billing('on off'));
conf_bad('twice', "$directive is duplicate",
         http => "hx_gate_billing on;\nhx_gate_billing off;\n",
         at => 'hx_gate_billing off;');
conf_bad('in an if', "$directive is not allowed here",
         server => 'location / { if ($uri) { hx_gate_billing on; } }',
         at => 'hx_gate_billing');

# the environment, where there is no directive
for my $v ('true', 'false', 'TRUE', 'False') {
    conf_good("$env=$v", env => { $env => $v });
}
for my $v ('', 'on', '1', 'yes', 'truee', 'tru') {
    conf_bad("$env=$v", qq($env must be "true" or "false", not "$v"),
             env => { $env => $v }, at => 'end');
}

# Nobody asks the environment, where something else is said: so a value of it
# that is an error shows from where a location has its own.
my $bad = qq($env must be "true" or "false", not "maybe");

sub asks {
    my ($name, %o) = @_;
    conf_bad($name, $bad, env => { $env => 'maybe' }, at => 'end', %o);
}

sub does_not_ask {
    my ($name, %o) = @_;
    conf_good($name, env => { $env => 'maybe' }, %o);
}

sub levels {
    my ($server, $location, $inner) = @_;
    return (server => <<"EOC");
hx_gate_operations hx-sdp;
$server
location /v1/ { hx_gate on; $location return 200;
    location /v1/query/ { $inner return 200; }
}
EOC
}

my ($on, $off) = ('hx_gate_billing on;', 'hx_gate_billing off;');
asks('no directive', levels('', '', ''));
does_not_ask('of http', levels('', '', ''), http => $on);
does_not_ask('of the server', levels($on, '', ''));
does_not_ask('of the location', levels('', $off, ''));
asks('of the inner location only', levels('', '', $off));
does_not_ask('on every level', levels($on, $off, $on), http => $off);
asks('of another server', levels('', '', ''),
     http => "server { listen 127.0.0.1:1; $on }");
asks('the admin plane', server => 'location / { hx_gate_admin; }');
does_not_ask('where the gate is off', zone => '', registry => '', key => '',
             audit => '', server => 'return 200;');
does_not_ask('readiness', server => 'location / { hx_gate_ready; }');

done_testing;
