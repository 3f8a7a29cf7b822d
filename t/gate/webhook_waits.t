# Another process holds the registry's one write lock: events wait in threads,
# everybody else is served; and whoever leaves meanwhile leaves nothing behind.
use lib 't/lib'; use HX; use HXGate; use HXH2; use HXStripe;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};
my ($up, $h2) = (HX::port(1), HX::port(4));

my $config = HXGate::config() . <<"EOC";
    location = /gate/stripe/webhook { hx_gate_stripe_webhook; }
    location = /forward {
        hx_gate_stripe_webhook; proxy_pass http://127.0.0.1:$up;
    }
EOC
my $server = HXGate::Server->new(workers => 2, listen => 'reuseport',
    env => { HX_GATE_STRIPE_WEBHOOK_SECRET => $HXStripe::Secret },
    http => HXGate::http_config(audit => "$HXGate::Audit flush=10ms extended")
        . "server { listen 127.0.0.1:$h2 http2 reuseport; $config }",
    config => $config)->start;

sub checkout {
    my ($id) = @_;
    return HXStripe::checkout({ metadata => { tenant_id => $id },
                                customer => "cus_$id" }, id => "evt_$id");
}

sub begin {
    my ($id, $path) = @_;
    my $body = checkout($id);
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text('POST', $path, body => $body,
        headers => ['X-Request-Id', $id, 'Stripe-Signature',
                    HXStripe::sign($body)]));
    HXGate::read_whole($server, $s);
    return $s;
}

sub begin_h2 {
    my ($id, $path) = @_;
    my $body = checkout($id);
    my $c = HXH2->new($h2);
    my $stream = $c->headers([':method', 'POST', ':scheme', 'http', ':path',
        $path, ':authority', 'x', 'x-request-id', $id, 'stripe-signature',
        HXStripe::sign($body)]);
    $c->data($stream, $body, end => 1);
    # a ping that is answered: all before it was read
    $c->frame(HXH2::PING, 0, 0, 'together');
    1 while !$c->{pong} && $c->read_frame;
    return ($c, $stream);
}

sub status_of {
    my ($s) = @_;
    my $r = HXGate::response($s);
    close $s;
    return $r ? $r->{status} : 'none';
}

sub silent { return !IO::Select->new($_[0])->can_read(0) }

sub works {
    my ($name) = @_;
    is $server->request('GET', '/v1/list/prod', key => $key)->{status}, 200,
        "$name: tenants are served";
    is $server->request('GET', '/ready')->{status}, 200, "$name: ready";
}

sub there { return $server->admin("admin/tenants/$_[0]")->{status} }

sub recorded {
    my ($id) = @_;
    return HXGate::wait_for("the record of $id", sub {
        (grep { $_->{request_id} eq $id } HXGate::audit())[0];
    });
}

sub forwarded {
    my ($id) = @_;
    return scalar grep { ref && ($_->{body} // '') =~ /"evt_$id"/ }
        HXGate::upstream_log();
}

# The event once more, until nobody holds it.
sub again {
    my ($id, $path) = @_;
    my $r;
    HXGate::wait_for("$id to be free", sub {
        $r = HXStripe::post($server, checkout($id), path => $path);
        return $r->{status} != 409;
    });
    return $r;
}


# they wait, both shapes, and are answered

my $unlock = HXGate::lock_registry();
my @s = map { begin($_, $_ =~ /^f/ ? '/forward' : $HXStripe::Path) }
    qw(one forward-one);
works('events wait');
is scalar(grep { !silent($_) } @s), 0, 'no answer before it is stored';
is forwarded('forward-one'), 0, 'nor is it passed on';
is there('one'), 404, 'nor does anything come of it';
$unlock->();
is status_of($_), 200, 'then it is' for @s;
is there('one'), 200, 'and in force';
is forwarded('forward-one'), 1, 'and passed on';


# many of them

$unlock = HXGate::lock_registry();
@s = map { begin("many-$_", $HXStripe::Path) } 1 .. 60;
works('60 events wait');
$unlock->();
is join(' ', map { status_of($_) } @s), join(' ', (200) x 60), 'all are done';


# who waits hangs up: what is done is done, what would be passed on is not

for my $case (['gone', $HXStripe::Path], ['f-gone', '/forward']) {
    my ($id, $path) = @$case;
    $unlock = HXGate::lock_registry();
    close begin($id, $path);
    works("$id: a client left");
    $unlock->();
    recorded($id);
}
is there('gone'), 200, 'a client left: the change was made';
is again('gone', $HXStripe::Path)->{body}, '{"received":true}',
    'and is known';
is again('f-gone', '/forward')->{status}, 200, 'Stripe tries again';
cmp_ok forwarded('f-gone'), '>=', 1, 'the event was passed on';


# HTTP/2: a stream that is reset, a connection that ends

for my $how ('reset', 'close') {
    for my $case (["$how-2", $HXStripe::Path], ["f-$how-2", '/forward']) {
        my ($id, $path) = @$case;
        $unlock = HXGate::lock_registry();
        my ($c, $stream) = begin_h2($id, $path);
        if ($how eq 'reset') {
            $c->frame(HXH2::RST_STREAM, 0, $stream, pack 'N', 8);
        } else {
            $c->close;
        }
        works($id);
        $unlock->();
        my $rec = recorded($id);
        my $native = $path ne '/forward';
        is $rec->{webhook_result} =~ /^(?:applied|forwarded|released)$/, 1,
            "$id: recorded as $rec->{webhook_result}";
        is there($id), $native ? 200 : 404, "$id: what came of it";
        is again($id, $path)->{status}, 200, "$id: again";
        cmp_ok forwarded($id), '>=', 1, "$id: it was not lost" if !$native;
        is forwarded($id), 0, "$id: handled by the gate" if $native;
        $c->close if $how eq 'reset';
    }
}


# a reload, and the end

$unlock = HXGate::lock_registry();
@s = (begin('reload', $HXStripe::Path), begin('f-reload', '/forward'));
my %old = map { $_ => 1 } $server->pids;
$server->signal('HUP');
HXGate::wait_for('the new workers', sub {
    2 == grep { !$old{$_} } $server->pids;
});
works('a reload');
is scalar(grep { !silent($_) } @s), 0, 'a reload: no answer yet';
$unlock->();
is status_of($_), 200, 'a reload: answered by the old worker' for @s;
HXGate::wait_for('the old workers to go', sub { $server->pids == 2 });
is again('f-reload', '/forward')->{body}, '{"received":true}',
    'a reload: and settled by it';
is forwarded('f-reload'), 1, 'once';

$unlock = HXGate::lock_registry();
@s = (begin('stop', $HXStripe::Path), begin('f-stop', '/forward'));
$server->signal('QUIT');
HXGate::wait_for('nginx to listen no more', sub {
    !IO::Socket::INET->new(PeerAddr => "127.0.0.1:$server->{port}");
});
is scalar(grep { !silent($_) } @s), 0, 'a stop: no answer yet';
$unlock->();
is status_of($_), 200, 'a stop: answered' for @s;
is $server->stop, 0, 'nginx ends well';
is forwarded('f-stop'), 1, 'a stop: passed on';
$server->start;
is again('f-stop', '/forward')->{body}, '{"received":true}',
    'a stop: and settled before it';
is there('stop'), 200, 'a stop: done';
is $server->stop, 0, 'nginx ends well again';
is join("\n", $server->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing to complain about';
done_testing;
