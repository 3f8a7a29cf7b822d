# Another process holds the registry's one write lock: changes wait in threads,
# everybody else is served, and nobody who waits is forgotten -- not when he
# hangs up, not at a reload, not when nginx is told to stop.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};

my $server = HXGate::Server->new(workers => 2)->start;

sub begin {
    my ($id, $target, $json) = @_;
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        $json ? 'POST' : 'GET', "/gate/$target", service => 1, json => $json,
        headers => ['X-Request-Id', $id]));
    return $s;
}

# The status of the answer; then the connection is closed.
sub status_of {
    my ($s) = @_;
    my $r = HXGate::response($s);
    close $s;
    return $r ? $r->{status} : 'none';
}

sub silent {
    my ($s) = @_;
    return !IO::Select->new($s)->can_read(0);
}

sub works {
    my ($name) = @_;
    is $server->request('GET', '/v1/list/prod', key => $key)->{status}, 200,
        "$name: tenants are served";
    is $server->request('GET', '/ready')->{status}, 200, "$name: ready";
    is $server->admin('admin/tenants/acme')->{status}, 200,
        "$name: operators can look";
}

# one change
my $unlock = HXGate::lock_registry();
my $s = begin('one', 'onboard/create', { tenant_id => 'one' });
HXGate::read_whole($server, $s);
works('a change waits');
ok silent($s), 'no answer before it is done';
is $server->admin('admin/tenants/one')->{status}, 404, 'nor is it done';
$unlock->();
is status_of($s), 201, 'then it is';
is $server->admin('admin/tenants/one')->{status}, 200, 'and in force';

# more changes than there are threads
$unlock = HXGate::lock_registry();
my @s = map { begin("many-$_", 'onboard/create', { tenant_id => "many-$_" }) }
    1 .. 80;
HXGate::read_whole($server, $_) for @s;
is $server->request('GET', '/v1/list/prod', key => $key)->{status}, 200,
    '80 changes wait: tenants are served';
is scalar(grep { !silent($_) } @s), 0, '80 changes wait: no answer';
$unlock->();
is join(' ', map { status_of($_) } @s), join(' ', (201) x 80),
    '80 changes: done';

# he who waits hangs up
$unlock = HXGate::lock_registry();
$s = begin('gone', 'onboard/create', { tenant_id => 'gone' });
HXGate::read_whole($server, $s);
close $s;
works('a client left');
$unlock->();
my $rec = HXGate::wait_for('the record of the change', sub {
    (grep { $_->{request_id} eq 'gone' } HXGate::audit())[0];
});
is $rec->{tenant_id}, 'gone', 'a client left: recorded';
is $server->admin('admin/tenants/gone')->{status}, 200,
    'a client left: it was done nevertheless';

# reload
$unlock = HXGate::lock_registry();
$s = begin('reload', 'onboard/create', { tenant_id => 'reload' });
HXGate::read_whole($server, $s);
my %old = map { $_ => 1 } $server->pids;
$server->signal('HUP');
HXGate::wait_for('the new workers', sub {
    2 == grep { !$old{$_} } $server->pids;
});
HXGate::wait_for('the idle old worker to go', sub { $server->pids == 3 });
works('a reload');
ok silent($s), 'a reload: no answer yet';
$unlock->();
is status_of($s), 201, 'a reload: answered by the old worker';
HXGate::wait_for('the old worker to go', sub { $server->pids == 2 });
is $server->admin('admin/tenants/reload')->{status}, 200, 'a reload: done';

# stop
$unlock = HXGate::lock_registry();
$s = begin('stop', 'onboard/create', { tenant_id => 'stop' });
HXGate::read_whole($server, $s);
$server->signal('QUIT');
HXGate::wait_for('the idle worker to go', sub { $server->pids == 1 });
ok silent($s), 'a stop: no answer yet';
$unlock->();
is status_of($s), 201, 'a stop: answered';
is $server->stop, 0, 'nginx ends well';
my ($record) = grep { $_->{request_id} eq 'stop' } HXGate::audit();
is $record->{status}, 201, 'a stop: recorded';

is join("\n", $server->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
