# hx_gate_rate_limit_fields
use lib 't/lib'; use HX; use HXConf;
use Test::More;

use strict;
use warnings;

my $directive = '"hx_gate_rate_limit_fields" directive';
my $args = "invalid number of arguments in $directive";

sub fields {
    return (http => "hx_gate_rate_limit_fields @_;");
}

conf_good($_, fields($_)) for qw(on off);
conf_good('upper case, as any flag of nginx', fields('ON'));
for my $v ('both', 'shadow', '1') {
    conf_bad($v, qq(invalid value "$v" in $directive, it must be "on" or )
             . '"off"', fields($v));
}
conf_bad('nothing', $args, fields());
conf_bad('two words', $args, fields('on off'));
conf_bad('twice', "$directive is duplicate", http =>
         "hx_gate_rate_limit_fields on;\nhx_gate_rate_limit_fields off;\n",
         at => 'hx_gate_rate_limit_fields off;');
conf_bad('in an if', "$directive is not allowed here", server =>
         'location / { if ($uri) { hx_gate_rate_limit_fields on; } }',
         at => 'hx_gate_rate_limit_fields');

# once a level, from http down
conf_good('on every level', fields('on'), server => <<'EOC');
hx_gate_operations hx-sdp;
hx_gate_rate_limit_fields off;
location /v1/ { hx_gate on; hx_gate_rate_limit_fields on; return 200;
    location /v1/query/ { hx_gate_rate_limit_fields off; return 200; }
}
EOC

done_testing;
