# nginx -t names files and directories of the gate that others can read, write or
# have missed.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $dir = $HXGate::Dir;
my $gate = 'hx_gate_operations hx-sdp; '
    . 'location /v1/ { hx_gate on; proxy_pass http://127.0.0.1:1; }';

mkdir "$dir/$_" or die "$_: $!" for qw(www www/reg secret trail);
HXGate::give("$dir/www/reg");
HXGate::spew("$dir/$_", 'k' x 40) for qw(www/service.key secret/audit.key);
chmod 0600, "$dir/www/service.key", "$dir/secret/audit.key" or die $!;

sub served {
    my ($line, %o) = @_;
    return (server => "$gate\nlocation /files/ {\n$line\n}", at => $line, %o);
}

# served as files
my $key = sub { qq("$_[0]" serves the key in "$_[1]" to everybody) };
my @key = (key => "hx_gate_service_key file:$dir/www/service.key;");
for my $at ("$dir/www", "$dir/www/") {
    conf_bad("service key under root $at",
             $key->('root', "$dir/www/service.key"),
             served("root $at;", @key));
}
conf_bad('service key under an alias', $key->('alias', "$dir/www/service.key"),
         served("alias $dir/www/;", @key));
conf_bad('audit key', $key->('root', "$dir/secret/audit.key"),
         served("root $dir/secret;", audit => "hx_gate_audit_log "
                . "$dir/trail/a.jsonl chain key=$dir/secret/audit.key;"));
conf_good('another directory', served("root $dir/secret;", @key));
conf_good('a name that begins so', served("root $dir/ww;", @key));
conf_good('nobody knows', served("root $dir/\$arg_x;", @key));

conf_bad('registry', qq("root" serves the registry in "$dir/www/reg" to )
         . 'everybody', served("root $dir/www;",
                               registry => "hx_gate_registry lmdb:$dir/www/reg;"));
conf_bad('registry itself', qq("alias" serves the registry in "$dir/www/reg" to )
         . 'everybody', served("alias $dir/www/reg/;",
                               registry => "hx_gate_registry lmdb:$dir/www/reg;"));
conf_good('registry elsewhere', served("root $dir/www;"));

my $trail = "hx_gate_audit_log $dir/trail/a.jsonl;";
conf_warn('audit log', qq("root" serves the audit log "$dir/trail/a.jsonl" to )
          . 'everybody', served("root $dir/trail;", audit => $trail));
conf_good('audit log elsewhere', served("root $dir/www;", audit => $trail));

# two logs, one file
my $both = sub { qq("$_[0]" writes into the audit log "$dir/trail/a.jsonl", too: )
                 . 'its lines are no records' };
for my $line ("access_log $dir/trail/a.jsonl;",
              "error_log $dir/trail/a.jsonl;")
{
    my ($what) = $line =~ /^(\w+)/;
    conf_warn($what, $both->($what), served($line, audit => $trail));
}
conf_warn('error_log of all', $both->('error_log'), audit => $trail,
          main => "error_log $dir/trail/a.jsonl;",
          at => "\nerror_log $dir/trail");
conf_good('two files', served("access_log $dir/trail/b.log;",
                              audit => $trail));

# who may write there
my $open = sub { qq($_[0] "$_[1]" can be written by everybody on this machine) };
sub with_mode {
    my ($mode, $path, $test) = @_;
    my $was = (stat $path)[2] & 07777;
    chmod $mode, $path or die "$path: $!";
    $test->();
    chmod $was, $path or die "$path: $!";
}
with_mode(0777, "$dir/registry", sub {
    conf_warn('registry', $open->('registry', "$dir/registry"),
              at => 'hx_gate_registry');
});
with_mode(0775, "$dir/registry", sub { conf_good('registry of a group') });
mkdir "$dir/state" or die $!;
my @state = (zone => "hx_gate_zone gate 1m state=$dir/state;");
with_mode(0777, "$dir/state", sub {
    conf_warn('state', $open->('hx_gate_zone state', "$dir/state"), @state);
});
with_mode(01777, "$dir/state", sub { conf_good('state, sticky', @state) });
with_mode(0777, "$dir/trail", sub {
    conf_warn('directory of the audit log', $open->('the directory of the '
              . 'audit log', "$dir/trail"), audit => $trail);
});
with_mode(01777, "$dir/trail", sub {
    conf_good('directory of the audit log, sticky', audit => $trail);
});
HXGate::spew("$dir/trail/a.jsonl", '');
with_mode(0666, "$dir/trail/a.jsonl", sub {
    conf_warn('audit log', $open->('the audit log', "$dir/trail/a.jsonl"),
              audit => $trail);
});
with_mode(0664, "$dir/trail/a.jsonl", sub {
    conf_good('audit log of a group', audit => $trail);
});

conf_bad('no directory for the audit log', 'the directory of the audit log '
         . qq("$dir/none/a.jsonl" is not usable (2: No such file or directory)),
         audit => "hx_gate_audit_log $dir/none/a.jsonl;");
conf_bad('no directory, in a location', 'the directory of the audit log '
         . qq("$dir/none/a.jsonl" is not usable (2: No such file or directory)),
         at => "hx_gate_audit_log $dir/none",
         server => "hx_gate_operations hx-sdp; location /v1/ { hx_gate on;\n"
             . "hx_gate_audit_log $dir/none/a.jsonl;\nreturn 200; }");
conf_good('a device', audit => 'hx_gate_audit_log /dev/null;');

# more tenants than there is room for
my $data = "$dir/registry/data.mdb";
sub of_size {
    my ($size) = @_;
    HXGate::spew($data, '');
    truncate $data, $size or die "$data: $!";
}
of_size(20 << 20);
conf_warn('a zone that is too small', '"hx_gate_zone" has room for about 4369 '
          . 'tenants, and the registry, of 20M, has more',
          zone => 'hx_gate_zone gate 1m;');
conf_good('a zone that is not', zone => 'hx_gate_zone gate 4m;');
of_size(8 << 20);
conf_good('a registry that is smaller', zone => 'hx_gate_zone gate 1m;');
unlink $data or die $!;

done_testing;
