# hx_gate_registry
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $dir = "$HXGate::Dir/registry";
my $file = "$HXGate::Dir/service.key";
my $args = 'invalid number of arguments in "hx_gate_registry" directive';

sub registry {
    return (registry => "hx_gate_registry @_;");
}

conf_good('a directory', registry("lmdb:$dir"));
conf_good('a directory named from the prefix', registry('lmdb:tmp'));
conf_good('the smallest map', registry("lmdb:$dir map_size=1m"));
conf_good('both options',
          registry("lmdb:$dir max_readers=8 map_size=1g"));
conf_good('most readers', registry("lmdb:$dir max_readers=65535"));

conf_good('a map for usage', registry("lmdb:$dir usage_map_size=1m"));
conf_good('usage written often', registry("lmdb:$dir usage_flush=100ms"));
conf_good('usage written seldom', registry("lmdb:$dir usage_flush=60s"));
conf_good('all options', registry("lmdb:$dir usage_flush=5s map_size=1m "
                                  . 'usage_map_size=8g max_readers=8'));

# the value may have a password in it
my $unknown = 'unknown registry, there are "lmdb:<directory>" and URLs that '
              . 'begin with "redis" or "rediss"';
conf_bad('another store', $unknown, registry('etcd://127.0.0.1'));
conf_bad('no scheme', $unknown, registry($dir));
conf_bad('no directory', 'no directory in registry "lmdb:"',
         registry('lmdb:'));
conf_bad('not there', qq(registry directory "$dir.none" is not usable )
         . '(2: No such file or directory)', registry("lmdb:$dir.none"));
conf_bad('a file', qq(registry "$file" is not a directory),
         registry("lmdb:$file"));
conf_bad('below a file', qq(registry directory "$file/x" is not usable )
         . '(20: Not a directory)', registry("lmdb:$file/x"));
conf_bad('small map', 'invalid map_size "1023k", it must be 1m or more',
         registry("lmdb:$dir map_size=1023k"));
conf_bad('no map', 'invalid map_size "", it must be 1m or more',
         registry("lmdb:$dir map_size="));
conf_bad('map of words', 'invalid map_size "much", it must be 1m or more',
         registry("lmdb:$dir map_size=much"));
conf_bad('small map for usage',
         'invalid usage_map_size "1023k", it must be 1m or more',
         registry("lmdb:$dir usage_map_size=1023k"));
conf_bad('no map for usage', 'invalid usage_map_size "", it must be 1m or '
         . 'more', registry("lmdb:$dir usage_map_size="));
conf_bad('map for usage of words', 'invalid usage_map_size "much", it must be '
         . '1m or more', registry("lmdb:$dir usage_map_size=much"));
for my $v ('', '99ms', 0, '60001ms', '61s', '-1s', 'soon') {
    conf_bad("usage_flush=$v", qq(invalid usage_flush "$v", it must be from )
             . '100ms to 60s', registry("lmdb:$dir usage_flush=$v"));
}
conf_bad('few readers', 'invalid max_readers "7", it must be from 8 to 65535',
         registry("lmdb:$dir max_readers=7"));
conf_bad('many readers',
         'invalid max_readers "65536", it must be from 8 to 65535',
         registry("lmdb:$dir max_readers=65536"));
conf_bad('readers of words',
         'invalid max_readers "all", it must be from 8 to 65535',
         registry("lmdb:$dir max_readers=all"));
conf_bad('unknown option', 'invalid parameter "size=1m"',
         registry("lmdb:$dir size=1m"));
conf_bad('nothing', $args, registry());
conf_bad('too much', 'invalid parameter "a"',
         registry("lmdb:$dir a b c d e"));
conf_bad('twice', '"hx_gate_registry" directive is duplicate',
         http => "hx_gate_registry lmdb:$dir;", at => "lmdb:$dir;");
conf_bad('in a server', '"hx_gate_registry" directive is not allowed here',
         server => "hx_gate_registry lmdb:$dir;", at => "lmdb:$dir;");
conf_bad('missing', 'the gate needs a "hx_gate_registry" directive',
         registry => '', at => 'location /v1/');

done_testing;
