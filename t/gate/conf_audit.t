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

my $off = '"hx_gate_audit_log off": nobody will know who has done what';

my $unset = 'HX_GATE_AUDIT_ENABLED is "false": nobody will know who has done '
    . 'what';

conf_good('a file', audit($file));
ok -e $file, 'which nginx -t opens';
conf_warn('off', $off, audit('off'));
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

# what a record is promised, and what is in it
for my $word (qw(buffered write fsync)) {
    conf_good("durability=$word", audit("$file durability=$word required"));
}
conf_bad('a durability there is not', 'invalid durability "disk", it must be '
         . '"buffered", "write" or "fsync"', audit("$file durability=disk"));
conf_bad('a device on the disk', '"/dev/null" is not a file, '
         . '"durability=fsync" has no meaning for it',
         audit('/dev/null durability=fsync'));
conf_good('extended', audit("$file extended"));
conf_bad('extended=on', 'invalid parameter "extended=on"',
         audit("$file extended=on"));
conf_bad('required=on', 'invalid parameter "required=on"',
         audit("$file required=on"));
conf_bad('one file, two durabilities', qq(audit log "$file" is already )
         . 'defined with other parameters', audit("$file durability=write"),
         server => "hx_gate_audit_log $file;", at => "hx_gate_audit_log $file;");
conf_bad('one file, required and not', qq(audit log "$file" is already )
         . 'defined with other parameters', audit("$file required"),
         server => "hx_gate_audit_log $file;", at => "hx_gate_audit_log $file;");

# the chain and its checkpoints
my $secret = "$HXGate::Dir/audit.key";
HXGate::spew($secret, 'k' x 40 . "\n");
HXGate::spew("$HXGate::Dir/short.key", 'k' x 31 . "\n");
chmod 0600, $secret, "$HXGate::Dir/short.key" or die $!;
my $pem = "$HXGate::Dir/audit.pem";
for my $make ("genpkey -algorithm ed25519 -out '$pem'",
              "pkey -in '$pem' -pubout -out '$pem.pub'",
              "genpkey -algorithm rsa -out '$pem.rsa' 2>/dev/null")
{
    system("openssl $make") == 0 or die "openssl $make";
}

conf_good('chain with a secret', audit("$file chain key=$secret"));
conf_good('chain with a PEM key', audit("$file chain key=file:$pem node=web-1 "
          . 'checkpoint=1 interval=100ms'));
chmod 0604, $secret or die $!;
conf_warn('a key that everybody may read', 'everybody on this machine has '
          . qq(access to the key in "$secret": chmod 600),
          audit("$file chain key=$secret"));
chmod 0600, $secret or die $!;
conf_warn('chain without a key', qq(the checkpoints of audit log "$file" are )
          . 'not signed: without "key=<file>" who can write the file can make a '
          . 'new chain', audit("$file chain"));
conf_good('one chain in two places', audit("$file chain key=$secret"),
          server => "hx_gate_audit_log $file chain key=file:$secret;");
conf_bad('key without chain', '"key=" and "node=" go with "chain"',
         audit("$file key=$secret"));
conf_bad('node without chain', '"key=" and "node=" go with "chain"',
         audit("$file node=a"));
conf_bad('key of nothing', '"key=" must name a file',
         audit("$file chain key=file:"));
conf_bad('no such key', qq{open() "$secret.none" failed (2: No such file or }
         . 'directory)', audit("$file chain key=$secret.none"));
for my $case (['short.key', 'a secret must have 32 bytes or more'],
              ['audit.pem.pub', 'it is a public key, which does not sign'],
              ['audit.pem.rsa', 'it is not a key of Ed25519'])
{
    my ($name, $why) = @$case;
    conf_bad($name, qq(the key of the audit log in "$HXGate::Dir/$name" cannot )
             . "be used: $why", audit("$file chain key=$HXGate::Dir/$name"));
}
for my $n ('0', '-1', '1000001', 'many', '') {
    conf_bad("checkpoint=$n", qq(invalid number of records "$n", it must be )
             . 'from 1 to 1000000', audit("$file chain key=$secret "
             . "checkpoint=$n"));
}
for my $t ('99ms', '25h', 'often', '') {
    conf_bad("interval=$t", qq(invalid interval "$t", it must be from 100ms )
             . 'to 1d', audit("$file chain key=$secret interval=$t"));
}
conf_bad('node with a control character', qq(invalid name of a node "a\tb", it )
         . 'must be at most 255 printable characters without blanks',
         audit(qq($file chain key=$secret "node=a\tb")));
conf_bad('one file, two nodes', qq(audit log "$file" is already defined with )
         . 'other parameters', audit("$file chain key=$secret node=a"),
         server => "hx_gate_audit_log $file chain key=$secret node=b;",
         at => 'node=b');

# a second sink
conf_good('syslog', audit("$file syslog:server=127.0.0.1:1514,tag=hx,"
          . 'facility=local3,severity=notice'));
conf_bad('syslog of nothing', 'no syslog server specified',
         audit("$file syslog:tag=hx"));
conf_bad('syslog with an unknown word', 'unknown syslog parameter "colour=red"',
         audit("$file syslog:server=127.0.0.1,colour=red"));
conf_bad('syslog alone', '"hx_gate_audit_log" wants a file first, '
         . '"syslog:server=127.0.0.1" can follow it',
         audit('syslog:server=127.0.0.1'));
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

conf_warn('HX_GATE_AUDIT_ENABLED=false', $unset, at => 'location /v1/',
          env(HX_GATE_AUDIT_ENABLED => 'false',
              HX_GATE_AUDIT_LOG_PATH => $from_env));
ok !-e $from_env, 'HX_GATE_AUDIT_ENABLED=false: not opened';
conf_warn('HX_GATE_AUDIT_ENABLED=FALSE', $unset, at => 'location /v1/',
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
             env(HX_GATE_AUDIT_ENABLED => $word), at => 'location /v1/');
}

conf_good('a directive wins', audit($file),
          env => { HX_GATE_AUDIT_ENABLED => 'false',
                   HX_GATE_AUDIT_LOG_PATH => $from_env });
ok !-e $from_env, 'a directive wins: no other file';

conf_warn('off wins', $off, audit('off'),
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
