# The memory of the zone: a file that outlives nginx, that nobody else can have
# made, and that two of them share during a binary upgrade.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use Test::More;

HXGate::upstream();

mkdir "$HXGate::Dir/shm" or die $!;
my $in = "gate 1m state=$HXGate::Dir/shm";
# what a binary upgrade is to keep (the sanitizers' runtime)
my $server = HXGate::Server->new(
    main => 'env LD_PRELOAD; env ASAN_OPTIONS;',
    workers => 2, http => HXGate::http_config(limits => 1, zone => $in),
    config => HXGate::config() . 'location = /metrics { hx_gate_metrics; }');
$server->start;
HXGate::create($server->{port}, { tenant_id => 'acme' },
               { tenant_id => 'seen', plan => 'pro' });

sub get {
    my $r = $server->request('GET', '/v1/list/default',
                             key => $HXGate::Key{acme});
    return "$r->{status} " . ($r->{headers}{'x-ratelimit-remaining'} // '-');
}

# With a series of its own, as soon as a scrape has seen it; a charge is made
# after the answer, by another worker maybe, so two scrapes may be too early.
sub series {
    return HXGate::wait_for('the series', sub {
        $server->request('GET', '/v1/list/default', key => $HXGate::Key{seen});
        my @seen = $server->request('GET', '/metrics')->{body} =~
            /^(hx_gate_cus_total\{tenant_id="seen",operation="list"\} .*)/mg;
        return scalar @seen;
    });
}

is get(), '200 9', 'the first of ten';
my @files = glob "$HXGate::Dir/shm/hx-gate-*";
is scalar(@files), 1, 'one file';
is((stat $files[0])[2] & 07777, 0600, 'for nobody else');
like $files[0], qr{/hx-gate-gate-[0-9a-f]{16}$}, 'named after the zone';

# "nginx -t" beside it touches nothing
my $size = -s $files[0];
is system(join ' ', $server->command('-t', '>/dev/null', '2>&1')), 0,
    'nginx -t';
is get(), '200 8', 'and the window goes on';
is_deeply [glob "$HXGate::Dir/shm/*"], \@files, 'no other file';

# a reload with another size: the window goes on in a file of its own
$server->reload(http => HXGate::http_config(limits => 1,
    zone => "gate 2m state=$HXGate::Dir/shm"));
is get(), '200 7', 'another size';
$server->reload;
is_deeply [glob "$HXGate::Dir/shm/*"], \@files,
    'the old one is gone when all it counted is stored';
is get(), '200 6', 'and another reload';

$server->stop;

# binary upgrade: two masters, one window.  nginx takes USR2 only when it is a
# daemon.
my $conf = "$server->{dir}/nginx.conf";
HXGate::spew($conf, HXGate::slurp($conf) =~ s/daemon off;//r);
is system($server->command), 0, 'a daemon';

my @daemons;
END { local $?; kill 'TERM', @daemons if @daemons }

sub workers_of {
    my ($pid) = @_;
    return split ' ', HXGate::slurp("/proc/$pid/task/$pid/children");
}

sub gone {
    my ($what, @pid) = @_;
    HXGate::wait_for("$what to go", sub {
        return !grep { HXGate::slurp("/proc/$_/stat") =~ /\) [^Z]/ } @pid;
    });
}

sub master {
    my ($what, $not) = @_;
    return HXGate::wait_for($what, sub {
        my ($pid) = HXGate::slurp("$server->{dir}/nginx.pid") =~ /(\d+)/;
        return $pid && $pid != $not && workers_of($pid) == 2 && $pid;
    });
}

my $old = master('the daemon', 0);
@daemons = $old;
is get(), '200 5', 'the daemon';
is series(), 1, 'a tenant has its series';
my @before = workers_of($old);
kill 'USR2', $old;
my $new = master('the new binary', $old);
@daemons = ($old, $new);
is get(), '200 4', 'with both of them';
kill 'WINCH', $old;
gone('the old workers', @before);
is get(), '200 3', 'with the new one';
kill 'QUIT', $old;
gone('the old master', $old);
is get(), '200 2', 'and after the end of the old one';
is series(), 1, 'the series are those of the new one';
kill 'QUIT', $new;
gone('the new one', $new);
@daemons = ();

# a restart finds it again, in the size that is wanted
$server->write(http => HXGate::http_config(limits => 1, zone => $in));
$server->start;
is get(), '200 1', 'after a restart, in another size';
$server->stop;

# what somebody else has put there is not taken
sub refused {
    my ($name, $message) = @_;
    ok !eval { $server->start; 1 }, "$name: nginx does not start";
    like $@, $message, "$name: and says why";
}

my ($file) = @files;
rename $file, "$file.kept";
HXGate::spew($file, 'x' x 8192);
chmod 0600, $file;
refused('no memory of ours', qr/is no memory of a gate/);
unlink $file;
rename "$file.kept", $file;

chmod 0660, $file;
refused('others may write it', qr/is not ours alone/);
chmod 0600, $file;

rename $file, "$file.kept";
symlink "$file.kept", $file;
refused('a symbolic link', qr/hx_gate_zone "gate": \Q$file\E: /);
unlink $file;
rename "$file.kept", $file;

$server->start;
is get(), '200 0', 'as it was: taken again';
$server->stop;

# without a file it ends with nginx
$server->write(http => HXGate::http_config(limits => 1,
                                           zone => 'gate 1m state=off'));
$server->start;
is get(), '200 9', 'state=off: a window of its own';
$server->reload;
is get(), '200 8', 'that a reload keeps';
$server->stop;
$server->start;
is get(), '200 9', 'and a restart does not';
$server->stop;
done_testing;
