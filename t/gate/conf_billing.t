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
             env => { $env => $v }, at => 'location /v1/');
}

conf_inherits(env => $env, admin => 1,
    bad => qq($env must be "true" or "false", not "maybe"),
    on => 'hx_gate_billing on;', off => 'hx_gate_billing off;');

done_testing;
