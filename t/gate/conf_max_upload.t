# hx_gate_max_upload
use lib 't/lib'; use HX; use HXConf;
use Test::More;

use strict;
use warnings;

sub size {
    return (http => "hx_gate_max_upload @_;");
}

sub wrong {
    return qq(invalid hx_gate_max_upload "$_[0]", it must be from 1 byte to )
        . '1024g';
}

conf_good('bytes', size('104857600'));
conf_good('one byte', size('1'));
conf_good('kilobytes, megabytes, gigabytes', http => <<'EOC',
hx_gate_max_upload 100k;
EOC
    server => <<'EOC');
hx_gate_operations hx-sdp;
hx_gate_max_upload 100M;
location /v1/ { hx_gate on; hx_gate_max_upload 2g; return 200; }
EOC
conf_good('the most', size('1024g'));

conf_bad('zero', wrong('0'), size('0'));
conf_bad('more than the most', wrong('1025g'), size('1025g'));
conf_bad('more than fits', wrong('9999999999999999999'),
         size('9999999999999999999'));
conf_bad('negative', wrong('-1'), size('-1'));
conf_bad('a word', wrong('big'), size('big'));
conf_bad('a fraction', wrong('1.5m'), size('1.5m'));
conf_bad('empty', wrong(''), size('""'));
conf_bad('nothing', 'invalid number of arguments in "hx_gate_max_upload" '
         . 'directive', size(''));
conf_bad('twice', '"hx_gate_max_upload" directive is duplicate',
         server => "hx_gate_max_upload 1m;\nhx_gate_max_upload 2m;\n",
         at => 'hx_gate_max_upload 2m;');

done_testing;
