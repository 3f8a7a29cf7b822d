# hx_gate_admin, hx_gate_health, hx_gate_ready, hx_gate_metrics: where they may
# stand.
use lib 't/lib'; use HX; use HXConf;
use Test::More;

use strict;
use warnings;

my @handlers = qw(hx_gate_admin hx_gate_health hx_gate_ready hx_gate_metrics);

for my $h (@handlers) {
    conf_good("$h in a location", server => "location /gate/x { $h; }");
    conf_good("$h where the gate is on around it", server => <<"EOC");
hx_gate on;
hx_gate_operations hx-sdp;
location /gate/x { $h; }
EOC
    conf_good("$h in a shadow around it", server => <<"EOC");
hx_gate shadow;
hx_gate_operations hx-sdp;
location /gate/x { $h; }
EOC
    conf_bad("$h on", qq(invalid number of arguments in "$h" directive),
             server => "location /x { $h on; }", at => $h);
    conf_bad("$h in a server", qq("$h" directive is not allowed here),
             server => "$h;", at => "$h;");
    conf_bad("$h in http", qq("$h" directive is not allowed here),
             http => "$h;");
    for my $mode ('on', 'shadow') {
        conf_bad("$h where the gate is $mode", qq("hx_gate $mode" and a )
                 . 'hx_gate handler cannot be in one location',
                 server => <<"EOC", at => 'location /x');
hx_gate_operations hx-sdp;
location /x { hx_gate $mode; $h; }
EOC
    }

    for my $other (@handlers) {
        conf_bad("$h and $other", qq("$other" directive is duplicate, or )
                 . 'there is another hx_gate handler in this location',
                 server => "location /x {\n$h;\n $other;\n}",
                 at => " $other;");
    }
}

done_testing;
