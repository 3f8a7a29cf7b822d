# hx_gate_zone
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $args = 'invalid number of arguments in "hx_gate_zone" directive';

conf_good('one megabyte', zone => 'hx_gate_zone gate 1m;');
conf_good('the smallest', zone => 'hx_gate_zone gate 256k;');
conf_good('in bytes', zone => 'hx_gate_zone z 262144;');

conf_bad('too small', 'hx_gate_zone "gate" is too small, it needs 256k',
         zone => 'hx_gate_zone gate 262143;');
conf_bad('zero', 'hx_gate_zone "gate" is too small, it needs 256k',
         zone => 'hx_gate_zone gate 0;');
conf_bad('no number', 'invalid hx_gate_zone size "big"',
         zone => 'hx_gate_zone gate big;');
conf_bad('negative', 'invalid hx_gate_zone size "-1m"',
         zone => 'hx_gate_zone gate -1m;');
conf_bad('no name', 'hx_gate_zone needs a name',
         zone => 'hx_gate_zone "" 1m;');
conf_bad('no size', $args, zone => 'hx_gate_zone gate;');
conf_bad('too much', $args, zone => 'hx_gate_zone gate 1m state=off x;');

# where its contents outlive nginx
my $dir = "$HXGate::Dir/state";
my $file = "$HXGate::Dir/service.key";
mkdir $dir;
conf_good('a directory', zone => "hx_gate_zone gate 1m state=$dir;");
conf_good('a directory named from the prefix',
          zone => 'hx_gate_zone gate 1m state=tmp;');
conf_good('no directory', zone => 'hx_gate_zone gate 1m state=off;');
conf_bad('nowhere', qq(hx_gate_zone state directory "$dir.none" is not usable )
         . '(2: No such file or directory)',
         zone => "hx_gate_zone gate 1m state=$dir.none;");
conf_bad('below a file', qq(hx_gate_zone state directory "$file/x" is not )
         . 'usable (20: Not a directory)',
         zone => "hx_gate_zone gate 1m state=$file/x;");
conf_bad('a file', qq(hx_gate_zone state "$file" is not a directory),
         zone => "hx_gate_zone gate 1m state=$file;");
conf_bad('nothing', '"state=" needs a directory or "off"',
         zone => 'hx_gate_zone gate 1m state=;');
conf_bad('another option', 'invalid parameter "2m"',
         zone => 'hx_gate_zone gate 1m 2m;');
conf_bad('no option', 'invalid parameter "state"',
         zone => 'hx_gate_zone gate 1m state;');
conf_bad('twice', '"hx_gate_zone" directive is duplicate',
         zone => 'hx_gate_zone gate 1m;',
         http => 'hx_gate_zone other 1m;', at => 'other');
conf_bad('in a server', '"hx_gate_zone" directive is not allowed here',
         server => 'hx_gate_zone more 1m;', at => 'more 1m');
conf_bad('another module has the name', 'the shared memory zone "gate" is '
         . 'already declared for a different use',
         http => 'limit_req_zone $uri zone=gate:1m rate=1r/s;',
         at => 'limit_req_zone');
conf_bad('missing', 'the gate needs a "hx_gate_zone" directive',
         zone => '', at => 'location /v1/');
conf_good('not needed where the gate is off', zone => '', registry => '',
          key => '', audit => '', server => 'location / { return 200; }');
conf_bad('needed by the admin plane', 'the gate needs a "hx_gate_zone" '
         . 'directive', zone => '', server => 'location / { hx_gate_admin; }',
         at => 'location / {');
conf_bad('needed by readiness', 'the gate needs a "hx_gate_zone" '
         . 'directive', zone => '', server => 'location / { hx_gate_ready; }',
         at => 'location / {');
conf_bad('needed by metrics', 'the gate needs a "hx_gate_zone" '
         . 'directive', zone => '',
         server => 'location / { hx_gate_metrics; }', at => 'location / {');
conf_good('not needed for liveness', zone => '', registry => '', key => '',
          audit => '', server => 'location / { hx_gate_health; }');

done_testing;
