# hx_gate_key_format
use lib 't/lib'; use HX; use HXConf;
use Test::More;

use strict;
use warnings;

sub key_format {
    return (http => "hx_gate_key_format @_;");
}

conf_good('checksum', key_format('checksum'));
conf_good('any', key_format('any'));
conf_bad('another word', 'invalid value "none"', key_format('none'));
conf_bad('empty', 'invalid value ""', key_format('""'));
conf_bad('nothing', 'invalid number of arguments in "hx_gate_key_format" '
         . 'directive', key_format());
conf_bad('twice', '"hx_gate_key_format" directive is duplicate',
         http => "hx_gate_key_format any;\nhx_gate_key_format checksum;\n",
         at => 'hx_gate_key_format checksum;');

done_testing;
