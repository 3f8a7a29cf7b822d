# Rotation (rename, USR1) and reloads under load: every request that was
# answered is on record once, in one of the files, in a whole line.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

use constant { CLIENTS => 3, REQUESTS => 1500, ROTATIONS => 12 };

HXGate::upstream();

my $Server = HXGate::Server->new(workers => 2)->start;
HXGate::create($Server->{port}, { tenant_id => 'acme', namespaces => ['prod'] });
my $Key = $HXGate::Key{acme};

# Sends requests one after the other; writes the ids of those answered.
sub client {
    my ($n) = @_;

    open my $out, '>:raw', "$HXGate::Dir/answered.$n" or die $!;
    my ($s, $rest);
    for my $i (1 .. REQUESTS) {
        my $id = "load-$n-$i";
        if (!$s) {
            $s = HXGate::connect_to($Server->{port});
            $rest = '';
        }
        HXGate::send_all($s, HXGate::request_text('GET', '/v1/get/prod/k',
            key => $Key, keepalive => 1, headers => ['X-Request-Id', $id]));
        # a reload closes idle connections: such a request was not processed
        my $r = eval { HXGate::response($s, \$rest) };
        if (!$r) {
            undef $s;
            next;
        }
        die "status $r->{status}\n" if $r->{status} != 200;
        print $out "$id\n";
        undef $s if ($r->{headers}{connection} // '') eq 'close';
    }
    close $out or die $!;
}

my @pids;
for my $n (1 .. CLIENTS) {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $ok = eval { client($n); 1 };
        print STDERR "# client: $@" if !$ok;
        POSIX::_exit($ok ? 0 : 1);
    }
    push @pids, $pid;
}

my @files;
for my $i (1 .. ROTATIONS) {
    HXGate::wait_for('some records', sub { -s $HXGate::Audit });
    my $old = "$HXGate::Audit.$i";
    $Server->rotate($HXGate::Audit, $old);
    push @files, $old;
    $Server->reload if $i % 4 == 0;
}

for my $pid (@pids) {
    waitpid $pid, 0;
    is($?, 0, 'every answer was 200');
}
is($Server->stop, 0, 'nginx stops');

my $trail = HXGate::trail(@files, $HXGate::Audit);
my %seen = %{ $trail->{there} };
my @answered = map { split /\n/, HXGate::slurp("$HXGate::Dir/answered.$_") }
    1 .. CLIENTS;

cmp_ok(scalar(@answered), '>', CLIENTS * REQUESTS / 2, 'there was load');
is_deeply([map { @{ $trail->{$_} } } qw(cut bad)], [],
          'every line is whole');
is_deeply([grep { !$seen{$_} } @answered], [], 'no record is lost');
is_deeply([grep { $seen{$_} > 1 } keys %seen], [], 'none is doubled');
is(join("\n", $Server->logged(qr/\[(?:alert|emerg|crit)\]/)), '', 'quietly');
done_testing();
