# "required": what cannot be recorded is not done.  503 before the engine sees
# anything, operators get through, and all is well as soon as the disk is.
# Without it requests pass, and what is missing then is counted to the record.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;
use Errno qw(ENOSPC EIO EROFS);

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};
my $metrics = HX::port(3);

my $trail = "$HXGate::Dir/trail";
my $log = "$trail/audit.jsonl";
my $fault = "$HXGate::Dir/fault";
my $library = $ENV{HX_DISK_FAULT_LIB}
    // "$HX::Top/build/release/hx_disk_fault.so";
my $n = 0;
my %sent;

sub serve {
    my ($options, %o) = @_;
    system('rm', '-rf', $trail) == 0 && mkdir $trail or die $!;
    HXGate::give($trail);
    unlink $fault;
    %sent = ();
    HXGate::upstream_forget();
    return HXGate::Server->new(
        http => HXGate::http_config(audit => "$log $options") . <<"EOC",
server { listen 127.0.0.1:$metrics; location = /metrics { hx_gate_metrics; } }
EOC
        env => { LD_PRELOAD => $library, HX_DISK_FAULT => $fault,
                 HX_DISK_FAULT_PATH => $trail }, %o)->start;
}

# a request with an id of its own; its status
sub ask {
    my ($server) = @_;
    my $id = 'r-' . ++$n;
    my $r = $server->request('GET', '/v1/get/prod/k', key => $key,
                             headers => ['X-Request-Id', $id]);
    $sent{$id} = $r->{status} if $r;    # else it was not completed
    return $r;
}

sub statuses {
    my ($server, $times) = @_;
    my %status;
    $status{ ask($server)->{status} }++ for 1 .. $times;
    return join ' ', map { "$_*$status{$_}" } sort keys %status;
}

sub metric {
    my ($name) = @_;
    my $text = HXGate::request('GET', '/metrics', port => $metrics)->{body};
    my ($value) = $text =~ /^\Q$name\E (\S+)$/m;
    return $value;
}

sub break_disk { HXGate::spew($fault, "$_[0] $_[1]"); chmod 0644, $fault }
sub mend_disk { unlink $fault or die $! }

# ids that the engine has seen
sub seen {
    return map { my %h = map { (lc $_->[0], $_->[1]) } @{ $_->{headers} };
                 $h{'x-request-id'} } grep { ref } HXGate::upstream_log();
}

# every record of a request that was answered is there, none twice
sub complete {
    my ($name, $missing) = @_;
    my %there = %{ HXGate::trail(glob "$log*")->{there} };
    is join(' ', grep { $there{$_} > 1 } keys %there), '', "$name: none twice";
    my @lost = grep { !$there{$_} } keys %sent;
    is scalar(@lost), $missing, "$name: missing";
}

sub back {
    my ($server) = @_;
    HXGate::wait_for('requests to pass', sub {
        return ask($server)->{status} == 200;
    });
}

# what can be wrong, and how it is made so
my @broken = (
    ['full', sub { break_disk('wa', ENOSPC) }, \&mend_disk],
    ['read-only', sub { break_disk('wa', EROFS) }, \&mend_disk],
    ['deleted', sub { system('rm', '-rf', $trail) == 0 or die },
     sub { mkdir $trail or die $!; HXGate::give($trail) }],
);

for my $durability (qw(buffered write fsync)) {
    for my $case (@broken) {
        my ($what, $break, $mend) = @$case;
        my $name = "$durability, $what";
        my $server = serve("durability=$durability flush=20ms required");
        is statuses($server, 5), '200*5', "$name: while all is well";
        HXGate::wait_for('its records', sub { HXGate::audit(0, $log) == 5 });
        my @before = seen();
        is scalar(@before), 5, "$name: the engine saw them";
        %sent = () if $what eq 'deleted';

        $break->();
        # the room that was made sure of before is thought to be there still;
        # who writes finds that it is not, and is not completed
        if ($what ne 'deleted') {
            HXGate::wait_for('the first refusal', sub {
                my $r = ask($server);
                return $r && $r->{status} == 503;
            });
        }
        my @then = seen();
        my $r = ask($server);
        is $r->{status}, 503, "$name: 503";
        is $r->{headers}{'retry-after'}, 1, "$name: Retry-After";
        is_deeply [@{ $r->{json} }{qw(error detail)}],
            ['unavailable', 'The audit trail takes no records'],
            "$name: in JSON";
        is statuses($server, 5), '503*5', "$name: all of them";
        is scalar(seen()), scalar(@then), "$name: the engine sees nothing";

        is $server->admin('admin/tenants/acme')->{status}, 200,
            "$name: operators get through";
        is $server->request('GET', '/health')->{status}, 200,
            "$name: health";
        cmp_ok metric('hx_gate_audit_write_errors_total'), '>', 0,
            "$name: it is counted";
        cmp_ok metric('hx_gate_decisions_total{outcome="audit_unavailable"}'),
            '>=', 6, "$name: so are refusals";

        $mend->();
        back($server);
        pass "$name: requests pass again";
        is statuses($server, 3), '200*3', "$name: and on";
        is $server->stop, 0, "$name: nginx ends";
        complete($name, 0);
    }
}

# a disk that was full before the first request: the engine sees none at all
{
    HXGate::spew($fault, 'a ' . ENOSPC);
    my $server = HXGate::Server->new(
        http => HXGate::http_config(audit => "$log required"),
        env => { LD_PRELOAD => $library, HX_DISK_FAULT => $fault,
                 HX_DISK_FAULT_PATH => $trail })->start;
    HXGate::upstream_forget();
    is statuses($server, 3), '503*3', 'full from the beginning: 503';
    is scalar(seen()), 0, 'full from the beginning: the engine sees nothing';
    mend_disk();
    back($server);
    is $server->stop, 0, 'full from the beginning: nginx ends';
}

# a limit on the size of files
{
    my $server = serve('required durability=write buffer=16k',
                       wrap => ['prlimit', '--fsize=262144']);
    my $status;
    HXGate::wait_for('the limit', sub {
        for (1 .. 50) {                 # it takes more than a thousand
            $status = (ask($server) // { status => 'none' })->{status};
            return 1 if $status ne 200;
        }
        return 0;
    });
    is $status, 503, 'RLIMIT_FSIZE: 503, and no signal ends the worker';
    cmp_ok -s $log, '<=', 262144, 'RLIMIT_FSIZE: within it';
    rename $log, "$log.1" or die $!;
    $server->signal('USR1');
    back($server);
    is $server->stop, 0, 'RLIMIT_FSIZE: nginx ends';
    complete('RLIMIT_FSIZE', 0);
}

# what was under way when the disk went away waits for it, or is not completed
for my $durability (qw(write fsync)) {
    my $server = serve("durability=$durability required");
    ask($server);
    break_disk($durability eq 'fsync' ? 's' : 'w', EIO);
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text('GET', '/v1/get/prod/k',
        key => $key, headers => ['X-Request-Id', 'under-way']));
    HXGate::wait_for('the engine', sub { grep { $_ eq 'under-way' } seen() });
    HXGate::wait_for('the failure', sub { $server->logged(qr/\Q$log\E": /) });

    if ($durability eq 'write') {
        ok !IO::Select->new($s)->can_read(0.3), 'write: it waits';
        mend_disk();
        my $rest = '';
        is HXGate::response($s, \$rest, 'GET')->{status}, 200,
            'write: and goes out when its record is there';
        is scalar(grep { $_->{request_id} eq 'under-way' }
                  HXGate::audit(0, $log)), 1, 'write: which it is';
    } else {
        # of what a failed sync has left nobody knows whether it is there
        my $some = '';
        1 while HXGate::more($s, \$some);
        is $some, '', 'fsync: nothing of it is sent';
        mend_disk();
        back($server);
        is metric('hx_gate_audit_responses_cut_total'), 1, 'fsync: counted';
    }
    is $server->stop, 0, "$durability, under way: nginx ends";
}

# without "required": all pass, and the number of those missing is true
for my $durability (qw(buffered write fsync)) {
    my $name = "$durability, not required";
    my $server = serve("durability=$durability flush=20ms buffer=16k");
    is statuses($server, 10), '200*10', "$name: while all is well";
    HXGate::wait_for('its records', sub { HXGate::audit(0, $log) == 10 });
    break_disk('wsah', ENOSPC);
    is statuses($server, 5), '200*5', "$name: half a write";
    break_disk('wsa', ENOSPC);
    is statuses($server, 200), '200*200', "$name: with a full disk";
    my $lost = metric('hx_gate_audit_lost_total');
    cmp_ok $lost, '>', 50, "$name: some are lost";
    mend_disk();
    HXGate::wait_for('the rest', sub {
        my $lines = () = HXGate::slurp($log) =~ /^\{.*\}$/mg;
        return $lines >= 215 - $lost;
    });
    is statuses($server, 10), '200*10', "$name: and on";
    $lost = metric('hx_gate_audit_lost_total');
    is $server->stop, 0, "$name: nginx ends";

    # a cut line stands alone; its record follows whole
    my $trail = HXGate::trail($log);
    my %there = %{ $trail->{there} };
    is join("\n", @{ $trail->{bad} }), '', "$name: cut lines";
    is scalar(grep { !$there{$_} } keys %sent), $lost,
        "$name: as many are missing as are counted";
    is scalar(grep { $_ > 1 } values %there), 0, "$name: none twice";
}

done_testing;
