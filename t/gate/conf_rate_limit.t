# hx_gate_rate_limit
use lib 't/lib'; use HX; use HXConf;
use Test::More;

use strict;
use warnings;

my $args = 'invalid number of arguments in "hx_gate_rate_limit" directive';

sub rate_limit {
    return (http => "hx_gate_rate_limit @_;");
}

conf_good($_, rate_limit($_)) for qw(on off shadow);
conf_good('upper case, as any word of nginx', rate_limit('Shadow'));
for my $v ('dry', 'shadows', '1') {
    conf_bad($v, qq(invalid value "$v"), rate_limit($v));
}
conf_bad('empty', 'invalid value ""', rate_limit('""'));
conf_bad('nothing', $args, rate_limit());
conf_bad('two words', 'invalid parameter "off"', rate_limit('on off'));
conf_bad('too much', $args, rate_limit('on sync=local on_error=local a'));
conf_good('sync=local', rate_limit('on on_error=open sync=local'));
conf_bad('sync twice', '"sync=" is there twice',
         rate_limit('on sync=local sync=local'));
conf_bad('another sync', 'invalid value "all" of "sync="',
         rate_limit('on sync=all'));
conf_bad('another on_error', 'invalid value "" of "on_error="',
         rate_limit('on on_error='));
conf_bad('twice', '"hx_gate_rate_limit" directive is duplicate',
         http => "hx_gate_rate_limit off;\nhx_gate_rate_limit shadow;\n",
         at => 'hx_gate_rate_limit shadow;');
conf_bad('twice in a location', '"hx_gate_rate_limit" directive is duplicate',
         server => "location / {\nhx_gate_rate_limit off;\n"
         . "hx_gate_rate_limit on;\n}", at => 'hx_gate_rate_limit on;');
conf_bad('in an if', '"hx_gate_rate_limit" directive is not allowed here',
         server => 'location / { if ($uri) { hx_gate_rate_limit off; } }',
         at => 'hx_gate_rate_limit');

# once a level, from http down
conf_good('on every level', rate_limit('shadow'), server => <<'EOC');
hx_gate_operations hx-sdp;
hx_gate_rate_limit off;
location /v1/ { hx_gate on; hx_gate_rate_limit on; return 200;
    location /v1/query/ { hx_gate_rate_limit shadow; return 200; }
}
EOC
conf_good('where the gate is off', zone => '', registry => '', key => '',
          audit => '', server => 'hx_gate_rate_limit shadow; return 200;');

done_testing;
