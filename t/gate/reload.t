# Reloads under load: no request is lost, and none is recorded twice.  On a
# kept connection a client may meet the close of an idle one; what it sent
# then has not been processed.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

use constant RELOADS => 8;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $Server = HXGate::Server->new(workers => 2, config =>
    HXGate::config() . 'lingering_timeout 100ms;')->start;

# A client in a process of its own, until its end of the pipe is closed.  What
# it has seen goes to a file: "id answered", "id refused" or "id closed".
sub client {
    my ($name, $run) = @_;

    pipe my $r, my $w or die $!;
    my $pid = fork // die $!;
    if ($pid == 0) {
        close $w;
        open my $log, '>', "$HXGate::Dir/client.$name" or die $!;
        my $stop = IO::Select->new($r);
        my $n = 0;
        my $ok = eval {
            $run->("$name-" . ++$n, $log) until $stop->can_read(0);
            1;
        };
        print $log "error $@" if !$ok;
        close $log;
        POSIX::_exit(0);
    }
    close $r;
    return { name => $name, pid => $pid, pipe => $w };
}

sub ask {
    my ($s, $rest, $id, %o) = @_;
    HXGate::send_all($s, HXGate::request_text('GET', "/v1/get/prod/$id",
        key => $HXGate::Key{acme}, headers => ['X-Request-Id', $id], %o));
    return HXGate::response($s, $rest);
}

sub note {
    my ($log, $id, $r) = @_;
    my $what = !$r ? 'closed' : $r->{status} == 200 ? 'answered' : 'refused';
    print $log "$id $what\n";
}

my $kept;
my @clients = (
    (map {
        client("new$_", sub {
            my ($id, $log) = @_;
            my $rest = '';
            note($log, $id, ask(HXGate::connect_to($Server->{port}), \$rest,
                                $id));
        })
    } 1 .. 2),
    client('kept', sub {
        my ($id, $log) = @_;
        $kept //= HXGate::connect_to($Server->{port});
        my $rest = '';
        # a reset is a close as well
        my $r = eval { ask($kept, \$rest, $id, keepalive => 1) };
        note($log, $id, $r);
        undef $kept if !$r || ($r->{headers}{connection} // '') eq 'close';
    }),
);

my $seen = 0;
for my $i (1 .. RELOADS) {
    # each reload meets clients at work
    $seen = HXGate::wait_for('some load', sub {
        my $n = () = HXGate::slurp($HXGate::Audit) =~ /\n/g;
        return $n >= $seen + 30 ? $n : 0;
    });
    $Server->reload(config => HXGate::config(
        gate => "add_header X-Config $i;") . 'lingering_timeout 100ms;');
}
pass('reloads done');

close $_->{pipe} for @clients;
waitpid $_->{pid}, 0 for @clients;

my $r = $Server->request('GET', '/v1/get/prod/last',
                         key => $HXGate::Key{acme});
is($r->{headers}{'x-config'}, RELOADS, 'the last configuration is in force');
is($Server->stop, 0, 'nginx stops');

my %recorded;
$recorded{$_->{request_id}}++ for HXGate::audit(0);
is(scalar(grep { $_ > 1 } values %recorded), 0, 'no record twice');

my %processed = map { $_->{target} => 1 } HXBlock::records();
for my $c (@clients) {
    my @lines = map { [split] } split /\n/,
        HXGate::slurp("$HXGate::Dir/client.$c->{name}");
    my %by;
    push @{ $by{$_->[1]} }, $_->[0] for @lines;

    cmp_ok(scalar @{ $by{answered} // [] }, '>', RELOADS,
           "$c->{name}: was busy");
    is(scalar(grep { !/^(?:answered|closed)$/ } keys %by), 0,
       "$c->{name}: nothing refused, no error")
        or diag map { "@$_\n" } grep { $_->[1] !~ /^(?:answered|closed)$/ }
           @lines;
    is(scalar(grep { !$recorded{$_} } @{ $by{answered} }), 0,
       "$c->{name}: every answer is recorded");

    my @closed = @{ $by{closed} // [] };
    if ($c->{name} eq 'kept') {
        cmp_ok(scalar @closed, '<=', RELOADS, "$c->{name}: closes");
        is(scalar(grep { $processed{"/v1/get/prod/$_"} } @closed), 0,
           "$c->{name}: what was closed was not processed");
    } else {
        is(scalar @closed, 0, "$c->{name}: no connection lost");
    }
}

is(scalar $Server->logged(qr/\[(?:alert|emerg|crit|error)\]/), 0,
   'nothing bad in the error log');
done_testing();
