# hx_gate_registry in Redis, hx_gate_rate_limit of all nodes
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $dir = "$HXGate::Dir/registry";
my $usage = "usage=$dir";
my $host = '127.0.0.1:6379';

sub registry {
    return (registry => "hx_gate_registry @_;");
}

for my $url ("redis://$host", "redis://$host/3", 'redis://127.0.0.1',
             'redis://[::1]:7000', "redis://gate:p%40ss\@$host/15",
             "redis+sentinel://127.0.0.1,127.0.0.2:26380/hx/1",
             "redis+cluster://$host,127.0.0.1:6380", "rediss://$host",
             "rediss+cluster://$host") {
    conf_good($url, registry($url, $usage));
}

conf_good('every word', registry("redis://$host", $usage,
          'connect_timeout=1ms timeout=60s connections=64 resync=50ms',
          'max_stale=1d on_error=open prefix=p', "replica=$dir-replica",
          'map_size=64m max_readers=100 usage_map_size=1m usage_flush=1s'));

conf_bad('no place for usage', '"usage=<directory>" is missing: this node '
         . 'keeps there what it counts', registry("redis://$host"));
conf_bad('usage is not there', qq(usage directory "$dir.none" is not usable )
         . '(2: No such file or directory)',
         registry("redis://$host usage=$dir.none"));
conf_bad('a word of Redis beside LMDB', '"resync=" is for a registry in Redis',
         registry("lmdb:$dir resync=1s"));

for my $case (['connect_timeout', 1, 60000], ['timeout', 1, 60000],
              ['resync', 50, 60000], ['max_stale', 100, 86400000]) {
    my ($name, $least, $most) = @$case;
    for my $v ('', 'soon', '-1s', ($least - 1) . 'ms', ($most + 1) . 'ms') {
        conf_bad("$name=$v", qq(invalid $name "$v", it must be from ${least}ms )
                 . "to ${most}ms", registry("redis://$host $usage $name=$v"));
    }
}

conf_bad('max_stale below two looks', 'max_stale (1500ms) must be twice resync '
         . '(1000ms) or more: a replica is as old as that between two looks',
         registry("redis://$host $usage max_stale=1500ms"));
conf_good('max_stale of two looks',
          registry("redis://$host $usage max_stale=2s"));

for my $v ('', 0, 65, 'four') {
    conf_bad("connections=$v", qq(invalid connections "$v", it must be from 1 )
             . 'to 64', registry("redis://$host $usage connections=$v"));
}

conf_bad('on_error', 'invalid on_error "local", it must be "closed" or "open"',
         registry("redis://$host $usage on_error=local"));
conf_bad('a prefix with braces', 'invalid prefix "{p}", it must be 1 to 64 '
         . 'characters without blanks and braces',
         registry("redis://$host $usage", '"prefix={p}"'));

# what may be a secret is not repeated
conf_bad('a password in the line', '"password=" takes "env:<NAME>" or '
         . '"file:<path>"', registry("redis://$host $usage password=hunter2"));
conf_bad('no such variable',
         'the environment variable "HX_NO_SUCH_THING" is not set',
         registry("redis://$host $usage password=env:HX_NO_SUCH_THING"));
conf_bad('two passwords', '"hx_gate_registry" directive has more than one '
         . 'password',
         registry("redis://u:one\@$host $usage password=env:PATH"));

for my $sync (qw(strict lease)) {
    conf_good("sync=$sync", registry("redis://$host $usage"),
              http => "hx_gate_rate_limit on sync=$sync on_error=closed;");
    conf_bad("sync=$sync without Redis", '"hx_gate_rate_limit" with '
             . '"sync=strict" or "sync=lease" needs a registry in Redis',
             http => "hx_gate_rate_limit on sync=$sync;",
             at => 'location /v1/');
}

done_testing();
