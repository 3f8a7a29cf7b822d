# Stripe's events in front of a billing service of the operator's own: verified,
# passed on byte by byte, once each; and free again when the service failed.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use HXH2;
use HXStripe;
use Digest::MD5 qw(md5_hex);
use IO::Socket::INET ();
use Test::More;

HXGate::upstream();

my $up = 'http://127.0.0.1:' . HX::port(1);
my $h2 = HX::port(4);
my $slow = HX::port(5);

my $config = HXGate::config() . <<"EOC";
    location = /gate/stripe/webhook {
        hx_gate_stripe_webhook; client_body_buffer_size 4k;
        proxy_pass $up;
    }
    location = /fails { hx_gate_stripe_webhook; proxy_pass $up/x?_status=500; }
    location = /drops { hx_gate_stripe_webhook; proxy_pass $up/x?_drop; }
    location = /denies { hx_gate_stripe_webhook; proxy_pass $up/x?_status=401; }
    location = /page {
        hx_gate_stripe_webhook; error_page 500 = \@sorry;
        proxy_intercept_errors on; proxy_pass $up/x?_status=500;
    }
    location \@sorry { return 503 "sorry"; }
    location = /other { hx_gate_stripe_webhook; proxy_pass $up; }
    location = /native { hx_gate_stripe_webhook; }
    location = /slow { hx_gate_stripe_webhook; proxy_pass http://127.0.0.1:$slow; }
    location = /if {
        hx_gate_stripe_webhook;
        if (\$arg_other) { proxy_pass $up; }
        proxy_pass $up;
    }
    location = /limited {
        hx_gate_stripe_webhook; proxy_pass $up;
        limit_except POST { deny all; }
    }
    location = /inside {
        hx_gate_stripe_webhook;
        if (\$arg_other) { proxy_pass $up; }
    }
    location = /set {
        hx_gate_stripe_webhook;
        if (\$arg_other) { set \$x 1; }
        proxy_pass $up;
    }
    location = /after {
        hx_gate_stripe_webhook; post_action /fine;
        proxy_pass $up/x?_status=500;
    }
    location = /fine { return 200 "fine"; }
    location = /sub { auth_request /gate/stripe/webhook; hx_gate_health; }
    location = /accel { hx_gate_stripe_webhook; proxy_pass $up/x?_header=X-Accel-Redirect:/page; }
EOC

my $server = HXGate::Server->new(
    workers => 4, listen => 'reuseport',
    env => { HX_GATE_STRIPE_WEBHOOK_SECRET => $HXStripe::Secret },
    http => HXGate::http_config(audit => "$HXGate::Audit flush=10ms extended")
        . "server { listen 127.0.0.1:$h2 http2 reuseport; $config }",
    config => $config);
$server->start;

my $records = 0;

sub records {
    my ($n) = @_;
    $records += $n;
    my @r = HXGate::audit($records);
    is scalar @r, $records, 'every event has its record';
    return @r[$records - $n .. $records - 1];
}

my $last = 0;           # number of the last request, and its id

# Workers write their records one after the other: which one is of a request its
# id tells.
sub post {
    my ($body, %o) = @_;
    my @id = grep { /^X-Request-Id$/ } @{ $o{headers} // [] };
    $o{headers} = [@{ $o{headers} // [] }, 'X-Request-Id', ++$last] if !@id;
    return HXStripe::post($server, $body, %o);
}

sub record {
    my ($id) = @_;
    $id //= $last;
    return HXGate::wait_for("the record of $id", sub {
        (grep { $_->{request_id} eq $id } HXGate::audit())[0];
    });
}

sub event { return HXStripe::event('charge.refunded', { id => 'ch_1' }, @_) }

# Waits until the event may come again: that is known after the answer.
sub again {
    my ($body, %o) = @_;
    my $r;
    HXGate::wait_for('the event to be settled', sub {
        $r = post($body, %o);
        $records++;
        return $r->{status} != 409;
    });
    return $r;
}

sub upstream { return grep { ref } HXGate::upstream_log() }


# what the service gets

my $body = event();
my $sign = HXStripe::sign($body);
my $r = post($body, signature => $sign, service => 1, key => 'k' x 57,
             headers => ['X-HX-Tenant', 'evil', 'X-Request-Id', 'mine']);
is $r->{status}, 200, 'the answer is the service\'s';
is $r->{json}{body}, $body, 'which had the event as it was';
is $r->{headers}{'x-request-id'}, 'mine', 'with an id';
my ($sent) = upstream();
is HXGate::sent($sent, 'Stripe-Signature'), $sign, 'it can verify it again';
is HXGate::sent($sent, $_), undef, "no $_"
    for qw(Authorization X-Api-Key X-HX-Tenant);
records(1);
my $rec = record('mine');
is $rec->{webhook_result}, 'forwarded', 'recorded as forwarded';
is $rec->{webhook_type}, 'charge.refunded', 'with its type';
is $rec->{webhook_id}, JSON::PP::decode_json($body)->{id}, 'and its id';
is $rec->{tenant_id}, undef, 'of no tenant';

HXGate::upstream_forget();
$r = again($body);
is $r->{status}, 200, 'the same again';
is $r->{body}, '{"received":true}', 'is answered by the gate';
is scalar upstream(), 0, 'the service hears nothing';
records(0);
is record()->{webhook_result}, 'duplicate', 'recorded as a duplicate';

for my $bad ([signature => 'x'], [secret => 'x'], [t => time - 400],
             [signature => $sign]) {
    is post(event(), @$bad)->{status}, 400, "bad $bad->[0]";
    $records++;
}
is post('{"a":', signature => HXStripe::sign('{"a":'))->{status}, 400,
    'signed, but no event';
$records++;
is $server->request('GET', $HXStripe::Path)->{status}, 405, 'GET';
$records++;
is scalar upstream(), 0, 'the service hears nothing of these';


# the bytes that are hashed are the bytes that it gets

sub chunked {
    my ($text, $size, $signature) = @_;
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, "POST $HXStripe::Path HTTP/1.1\r\nHost: x\r\n"
        . "Stripe-Signature: $signature\r\nConnection: close\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n");
    for (my $at = 0; $at < length $text; $at += $size) {
        my $part = substr $text, $at, $size;
        HXGate::send_all($s, sprintf("%x;x=%s\r\n%s\r\n", length $part,
                                     'y' x ($at % 7), $part)) or last;
    }
    HXGate::send_all($s, "0\r\nTrailer: x\r\n\r\n");
    return HXGate::response($s, undef, 'POST');
}

sub over_h2 {
    my ($text, $size, $signature, %o) = @_;
    my $c = HXH2->new($h2);
    my $id = $c->headers([':method', 'POST', ':scheme', 'http', ':path',
        $HXStripe::Path, ':authority', 'x', 'stripe-signature', $signature,
        $o{length} ? ('content-length', length $text) : ()]);
    for (my $at = 0; $at < length $text; $at += $size) {
        $c->data($id, substr $text, $at, $size) or last;
    }
    $c->data($id, '', end => 1);
    my $a = $c->answer($id);
    $c->close;
    return $a;
}

for my $size (0, 1000, 5000, 70_000, 1_048_000) {
    my $e = HXStripe::event('x', { note => 'n' x $size, utf8 => "\x{e4}" });
    my $md5 = md5_hex($e);
    for my $how (['in one', sub { post($_[0], signature => $_[1]) }],
                 ['chunked', sub { chunked($_[0], 4099, $_[1]) }],
                 ['HTTP/2', sub { over_h2($_[0], 3001, $_[1]) }],
                 ['HTTP/2 with a length',
                  sub { over_h2($_[0], 16384, $_[1], length => 1) }]) {
        my ($name, $send) = @$how;
        (my $one = $e) =~ s/evt_\d+/evt_$size-@{[$name =~ tr{a-z}{}cdr]}/;
        HXGate::upstream_forget();
        is $send->($one, HXStripe::sign($one))->{status}, 200,
            "$size, $name: passed on";
        my @u = upstream();
        is scalar @u, 1, "$size, $name: once";
        is $u[0]{body_md5}, md5_hex($one), "$size, $name: as it was";
        (my $other = $one) =~ s/"livemode":true/"livemode":null/;
        is $send->($other, HXStripe::sign($one))->{status}, 400,
            "$size, $name: another body";
        is scalar upstream(), 1, "$size, $name: is not passed on";
        $records += 2;
    }
}

my $large = HXStripe::event('x', { note => 'n' x 1_048_576 });
HXGate::upstream_forget();
is post($large)->{status}, 413, 'too large';
is chunked($large, 65536, HXStripe::sign($large))->{status}, 413,
    'too large, chunked';
is over_h2($large, 16384, HXStripe::sign($large))->{status}, 413,
    'too large, HTTP/2';
is scalar upstream(), 0, 'and the service hears nothing';
records(3);
is scalar(grep { $_->{status} == 413 && $_->{webhook_result} eq 'invalid' }
          HXGate::audit()), 3, 'recorded';


# what fails comes again

for my $way (['/fails', 500], ['/drops', 502], ['/denies', 401],
             ['/page', 503], ['/after', 500]) {
    my ($path, $status) = @$way;
    my $e = event();
    is post($e, path => $path)->{status}, $status, "$path: what the service says";
    is record()->{webhook_result}, 'released', "$path: is recorded";
    records(1);
    is again($e)->{json}{body}, $e, "$path: the next try is passed on";
    is again($e)->{body}, '{"received":true}', "$path: and is the last";
}


# another endpoint of the account gets the same event: no duplicate there

{
    my $e = HXStripe::checkout({ metadata => { tenant_id => 'several' } });
    HXGate::upstream_forget();
    is post($e)->{status}, 200, 'an event';
    is post($e, path => '/other')->{status}, 200, 'for another service, too';
    is scalar upstream(), 2, 'both have it';
    is post($e, path => '/native')->{body}, '{"received":true}',
        'and the gate itself';
    is record()->{webhook_result}, 'applied', 'for which it is new';
    $records += 3;
    for my $path ($HXStripe::Path, '/other', '/native') {
        is again($e, path => $path)->{body}, '{"received":true}',
            "$path: once each";
    }
    is scalar upstream(), 2, 'and nobody has it twice';
}


# one that is being handled

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    LocalPort => $slow, Proto => 'tcp', Listen => 8, ReuseAddr => 1) or die;
my $e = event();
my $sig = HXStripe::sign($e);
my $waiting = HXGate::connect_to($server->{port});
HXGate::send_all($waiting, HXGate::request_text('POST', '/slow', body => $e,
    headers => ['Stripe-Signature', $sig]));
my $service = $listen->accept;
sysread $service, my $got, 65536;
my $busy = post($e, path => '/slow');
is $busy->{status}, 409, 'it is being handled: not now';
is $busy->{json}{error}, 'conflict', 'a conflict';
is $busy->{headers}{'retry-after'}, 1, 'later perhaps';
syswrite $service, "HTTP/1.1 204 OK\r\nConnection: close\r\n\r\n";
close $service;
is HXGate::response($waiting)->{status}, 204, 'then it was';
$records += 2;
is again($e, path => '/slow')->{body}, '{"received":true}',
    'and it is known';
my %how;
$how{$_->{webhook_result}}++ for grep { ($_->{webhook_id} // '')
    eq JSON::PP::decode_json($e)->{id} } HXGate::audit($records);
is $how{busy} >= 1, 1, 'busy is recorded';
is $how{forwarded}, 1, 'forwarded once';

# Stripe does not wait: what the service then says counts for nothing
$e = event();
$waiting = HXGate::connect_to($server->{port});
HXGate::send_all($waiting, HXGate::request_text('POST', '/slow', body => $e,
    headers => ['Stripe-Signature', HXStripe::sign($e), 'X-Request-Id',
                'gone']));
$service = $listen->accept;
sysread $service, $got, 65536;
close $waiting;
records(1);
my $gone = record('gone');
is $gone->{status}, 499, 'the client went away';
is $gone->{webhook_result}, 'released', 'the event is free';
is again($e)->{json}{body}, $e, 'and comes again';
close $service;


# everywhere inside the location

for my $path (qw(/if /if?other=1 /limited /inside?other=1 /set
                 /set?other=1)) {
    HXGate::upstream_forget();
    is post(event(), path => $path, secret => 'x')->{status}, 400,
        "$path: the signature counts";
    is scalar upstream(), 0, "$path: nothing was passed on";
    is post(event(), path => $path)->{status}, 200, "$path: passed on";
    is +(upstream())[0]{target}, $path, "$path: to its upstream";
    $records += 2;
}
is post(event(), path => '/inside')->{body}, '{"received":true}',
    '/inside: handled by the gate where nobody else is named';
$records++;
HXGate::upstream_forget();
is $server->request('GET', '/sub')->{status}, 403, 'no subrequest';
is post(event(), path => '/accel')->{status}, 403,
    'what is led here by a service was not signed for it';
$records++;
is scalar upstream(), 1, 'it got the event, and no other did';


# at once, over four workers: once

for my $round (1 .. 10) {
    my $e = event();
    my $text = HXGate::request_text('POST', $HXStripe::Path, body => $e,
        headers => ['Stripe-Signature', HXStripe::sign($e)]);
    my @s = map { HXGate::connect_to($server->{port}) } 1 .. 12;
    HXGate::upstream_forget();
    HXGate::send_all($_, $text) for @s;
    my %status;
    $status{HXGate::response($_)->{status}}++ for @s;
    is scalar upstream(), 1, "round $round: passed on once";
    is $status{200} + ($status{409} // 0), 12, "round $round: all answered";
    $records += 12;
}
my %seen;
for my $rec (HXGate::audit($records)) {
    $seen{"$rec->{path} $rec->{webhook_id}"}++
        if $rec->{webhook_result} eq 'forwarded';
}
is scalar(grep { $_ > 1 } values %seen), 0, 'no event was forwarded twice';


# a registry that cannot store it: 503, and nothing is passed on

HXGate::upstream_forget();
rename "$HXGate::Dir/registry", "$HXGate::Dir/away" or die;
$r = post(event());
is $r->{status}, 503, 'no registry: 503';
is $r->{json}{error}, 'unavailable', 'which is no fault of Stripe\'s';
is scalar upstream(), 0, 'nothing was passed on';
rename "$HXGate::Dir/away", "$HXGate::Dir/registry" or die;
records(1);
is record()->{webhook_result}, 'failed', 'recorded as failed';
is $server->stop, 0, 'it stops';
done_testing;
