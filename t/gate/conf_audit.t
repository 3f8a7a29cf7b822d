# hx_gate_audit_log, and the environment that stands in for it.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $file = "$HXGate::Dir/a.jsonl";
my $other = "$HXGate::Dir/b.jsonl";

sub audit {
    return (audit => "hx_gate_audit_log @_;");
}

sub flush_time {
    return qq(invalid flush time "$_[0]", it must be 0 or from 1ms to 60s);
}

sub buffer_size {
    return qq(invalid buffer size "$_[0]", it must be from 16k to 64m);
}

conf_good('a file', audit($file));
ok -e $file, 'which nginx -t opens';
conf_good('off', audit('off'));
conf_good('a path from the prefix', audit('tmp/audit.jsonl'));
conf_good('all options',
          audit("$file buffer=64m flush=60s durability=buffered"));
conf_good('the least of all', audit("$file buffer=16k flush=1ms"));
conf_good('one file in two places', audit("$file flush=2s"), server => <<"EOC");
hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; hx_gate_audit_log $file flush=2s; return 200; }
EOC

conf_good('every record at once', audit("$file flush=0"));
conf_good('flush=0ms', audit("$file flush=0ms buffer=16k"));
conf_good('one file in two places, each record at once',
          audit("$file flush=0"), server => <<"EOC");
hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; hx_gate_audit_log $file flush=0s; return 200; }
EOC
conf_bad('flush negative', flush_time('-1'), audit("$file flush=-1"));
conf_bad('flush too long', flush_time('61s'), audit("$file flush=61s"));
conf_bad('flush of words', flush_time('soon'), audit("$file flush=soon"));
conf_bad('flush empty', flush_time(''), audit("$file flush="));
conf_bad('buffer too small', buffer_size('15k'), audit("$file buffer=15k"));
conf_bad('buffer too large', buffer_size('65m'), audit("$file buffer=65m"));
conf_bad('buffer of words', buffer_size('big'), audit("$file buffer=big"));
conf_bad('unknown option', 'invalid parameter "gzip"', audit("$file gzip"));
conf_bad('a durability there is not', 'invalid parameter "durability=fsync"',
         audit("$file durability=fsync"));
for my $later (qw(required extended chain)) {
    conf_bad("$later is not there yet", qq(invalid parameter "$later"),
             audit("$file $later"));
}
conf_bad('off with options', 'invalid parameter "flush=1s"',
         audit('off flush=1s'));
conf_bad('no file', 'invalid number of arguments in "hx_gate_audit_log" '
         . 'directive', audit());
conf_bad('twice', '"hx_gate_audit_log" directive is duplicate',
         http => "hx_gate_audit_log $other;", at => $other);
conf_bad('one file, two buffers', qq(audit log "$file" is already defined )
         . 'with other parameters', audit("$file buffer=32k"),
         server => "hx_gate_audit_log $file buffer=64k;", at => 'buffer=64k');
conf_bad('one file, two timers', qq(audit log "$file" is already defined )
         . 'with other parameters', audit("$file flush=1s"),
         server => "hx_gate_audit_log $file flush=2s;", at => 'flush=2s');
conf_bad('one file, at once and later',
         qq(audit log "$file" is already defined with other parameters),
         audit("$file flush=0"), server => "hx_gate_audit_log $file;",
         at => "hx_gate_audit_log $file;");
conf_bad('the file of a buffered access_log',
         qq("$file" is written by another log), zone => 'hx_gate_zone g 1m;',
         http => "access_log $file combined buffer=4k;\nlog_format x x;",
         audit => '', server => "hx_gate_audit_log $file;",
         at => "hx_gate_audit_log $file;");

# a file that cannot be opened: nginx does not start
conf_bad('no such directory', qq(open() "$file/none" failed )
         . '(20: Not a directory)', audit("$file/none"), at => undef);
conf_bad('a directory', qq(open() "$HXGate::Dir/registry" failed )
         . '(21: Is a directory)', audit("$HXGate::Dir/registry"),
         at => undef);

# the environment, where there is no directive
sub env {
    return (audit => '', env => { @_ });
}

my $from_env = "$HXGate::Dir/env.jsonl";
conf_good('HX_GATE_AUDIT_LOG_PATH', env(HX_GATE_AUDIT_LOG_PATH => $from_env));
ok -e $from_env, 'HX_GATE_AUDIT_LOG_PATH: opened';
unlink $from_env;

conf_good('HX_GATE_AUDIT_ENABLED=false',
          env(HX_GATE_AUDIT_ENABLED => 'false',
              HX_GATE_AUDIT_LOG_PATH => $from_env));
ok !-e $from_env, 'HX_GATE_AUDIT_ENABLED=false: not opened';
conf_good('HX_GATE_AUDIT_ENABLED=FALSE',
          env(HX_GATE_AUDIT_ENABLED => 'FALSE',
              HX_GATE_AUDIT_LOG_PATH => $from_env));
ok !-e $from_env, 'HX_GATE_AUDIT_ENABLED=FALSE: not opened';
conf_good('HX_GATE_AUDIT_ENABLED=true',
          env(HX_GATE_AUDIT_ENABLED => 'true',
              HX_GATE_AUDIT_LOG_PATH => $from_env));
ok -e $from_env, 'HX_GATE_AUDIT_ENABLED=true: opened';
unlink $from_env;

for my $word ('no', '0', '', 'falsee') {
    conf_bad("HX_GATE_AUDIT_ENABLED=$word", 'HX_GATE_AUDIT_ENABLED must be '
             . qq("true" or "false", not "$word"),
             env(HX_GATE_AUDIT_ENABLED => $word), at => 'end');
}

conf_good('a directive wins', audit($file),
          env => { HX_GATE_AUDIT_ENABLED => 'false',
                   HX_GATE_AUDIT_LOG_PATH => $from_env });
ok !-e $from_env, 'a directive wins: no other file';

conf_good('off wins', audit('off'),
          env => { HX_GATE_AUDIT_ENABLED => 'true',
                   HX_GATE_AUDIT_LOG_PATH => $from_env });
ok !-e $from_env, 'off wins: no file';

conf_good('no gate, no file', env(HX_GATE_AUDIT_LOG_PATH => $from_env),
          zone => '', registry => '', key => '', server => 'return 200;');
ok !-e $from_env, 'no gate, no file: not opened';

# neither: the documented path, which may or may not be there on this machine
{
    my ($code, $text) = conf_text(audit => '');
    my $path = '/var/log/hx-gate/audit.jsonl';
    ok $code == 0 ? -e $path : $text =~ /open\(\) "\Q$path\E" failed/,
        'the documented path by default';
}

done_testing;
