# Stripe's events, handled by the gate: what is accepted, what they change, what
# is recorded of them.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use HXStripe;
use Test::More;

my $second = 'whsec_second_' . 'b' x 20;

HXGate::spew("$HXGate::Dir/stripe.key", "$HXStripe::Secret\n");
chmod 0600, "$HXGate::Dir/stripe.key";

my $server = HXGate::Server->new(
    main => 'env STRIPE_SECOND;', env => { STRIPE_SECOND => $second },
    http => HXGate::http_config(audit => "$HXGate::Audit flush=10ms extended",
        limits => 1, more => <<'EOC'),
hx_gate_plan team requests=50 window=1m quota=9000;
hx_gate_stripe_price price_b builder;
hx_gate_stripe_price price_p pro;
hx_gate_stripe_price price_t team;
EOC
    config => HXGate::config() . <<"EOC");
    location = /gate/stripe/webhook {
        hx_gate_stripe_webhook secret=file:$HXGate::Dir/stripe.key
                               secret=env:STRIPE_SECOND;
    }
    location = /short {
        hx_gate_stripe_webhook secret=file:$HXGate::Dir/stripe.key
                               tolerance=10s;
    }
    location = /metrics { hx_gate_metrics; }
    location = /denied {
        hx_gate_stripe_webhook secret=file:$HXGate::Dir/stripe.key; deny all;
    }
    location = /password {
        hx_gate_stripe_webhook secret=file:$HXGate::Dir/stripe.key;
        auth_basic "who?"; auth_basic_user_file /dev/null;
    }
    location = /tries {
        hx_gate_stripe_webhook secret=file:$HXGate::Dir/stripe.key;
        try_files /none /other;
    }
    location = /other { return 418 "other"; }
    location = /again {
        hx_gate_stripe_webhook secret=file:$HXGate::Dir/stripe.key;
        error_page 400 413 /again;
    }
    location = /sub { auth_request /gate/stripe/webhook; hx_gate_health; }
    location = /rewritten { rewrite ^ /gate/stripe/webhook last; }
    location /v1/list/page {
        hx_gate on; error_page 401 = /gate/stripe/webhook;
    }
EOC
$server->start;

my $records = 0;

# The last record; there is one for each request here.
sub record {
    my @r = HXGate::audit(++$records);
    is scalar @r, $records, 'one record';
    return $r[-1];
}

sub received {
    my ($name, $r, $result, $tenant) = @_;

    is $r->{status}, 200, "$name: status";
    is $r->{body}, '{"received":true}', "$name: body";
    is $r->{headers}{'content-type'}, 'application/json', "$name: type";
    ok $r->{headers}{'x-request-id'}, "$name: id";
    ok !exists $r->{headers}{'x-hx-cus'}, "$name: no charge";
    ok !exists $r->{headers}{'x-ratelimit-limit'}, "$name: no limit";
    my $rec = record();
    is $rec->{webhook_result}, $result, "$name: result";
    is $rec->{tenant_id}, $tenant, "$name: tenant";
    is $rec->{outcome}, 'webhook', "$name: outcome";
    is $rec->{operation}, 'stripe-webhook', "$name: operation";
    is $rec->{path}, '/gate/stripe/webhook', "$name: path";
    return $rec;
}

sub refused {
    my ($name, $r, $status, $error, $detail) = @_;

    is $r->{status}, $status, "$name: status";
    is $r->{json}{error}, $error, "$name: error";
    is $r->{json}{detail}, $detail, "$name: detail";
    my $rec = record();
    is $rec->{webhook_result}, 'invalid', "$name: result";
    is $rec->{status}, $status, "$name: recorded";
    is $rec->{tenant_id}, undef, "$name: no tenant";
    is $rec->{before}, undef, "$name: nothing before";
    is $rec->{after}, undef, "$name: nothing changed";
}

sub plan_of {
    my ($id) = @_;
    my $r = $server->admin("admin/tenants/$id");
    $records++;
    return $r->{status} == 200 ? $r->{json}{plan} : $r->{status};
}

sub post { return HXStripe::post($server, @_) }


# a tenant's life

my $now = time;
my $first = HXStripe::checkout(
    { client_reference_id => 'acme', subscription => 'sub_1',
      metadata => { plan => 'builder' } }, created => $now - 60);
my $rec = received('a checkout', post($first), 'applied', 'acme');
is $rec->{webhook_type}, 'checkout.session.completed', 'its type is recorded';
like $rec->{webhook_id}, qr/^evt_\d+_/, 'and its id';
is $rec->{before}, undef, 'a tenant that was not';
like $rec->{after}, qr/^sha256:[0-9a-f]{64}$/, 'is there';
is plan_of('acme'), 'builder', 'on its plan';

is $server->request('GET', '/v1/list/default', key => HXGate::unknown_key())
    ->{status}, 401, 'nobody has a key of it';
$records++;
my $key = $server->admin('onboard/rotate-key', { tenant_id => 'acme' });
$records++;
is $key->{status}, 200, 'the key is fetched by a rotation';
is $server->request('GET', '/gate/usage', key => $key->{json}{api_key})
    ->{json}{monthly_quota}, 50000, 'and works, with the quota of the plan';
$records++;

received 'the same again', post($first), 'duplicate', 'acme';
my $up = HXStripe::subscription('updated', { prices => ['price_p'] },
                                created => $now - 50);
$rec = received('an upgrade', post($up), 'applied', 'acme');
like $rec->{before}, qr/^sha256:/, 'what was before';
isnt $rec->{before}, $rec->{after}, 'is not after';
is plan_of('acme'), 'pro', 'by its price';
received 'an older update', post(HXStripe::subscription('updated',
    { prices => ['price_b'] }, created => $now - 55)), 'stale', 'acme';
is plan_of('acme'), 'pro', 'does not downgrade';
received 'invoice.paid',
    post(HXStripe::event('invoice.paid', { customer => 'cus_1' })),
    'unchanged', 'acme';
received 'invoice.payment_failed',
    post(HXStripe::event('invoice.payment_failed', { customer => 'cus_1' })),
    'unchanged', 'acme';
is plan_of('acme'), 'pro', 'and changes nothing';
received 'items of several prices', post(HXStripe::subscription('updated',
    { prices => [qw(price_x price_b price_t)] }, created => $now - 40)),
    'applied', 'acme';
is plan_of('acme'), 'builder', 'the larger plan of its items';
received 'the end', post(HXStripe::subscription('deleted',
    { prices => ['price_b'] }, created => $now - 30)), 'applied', 'acme';
is plan_of('acme'), 'starter', 'back to starter';
received 'what is late', post(HXStripe::subscription('created',
    { prices => ['price_p'] }, created => $now - 58)), 'stale', 'acme';
is plan_of('acme'), 'starter', 'does not revive it';


# in another order

received 'a subscription before its checkout', post(HXStripe::subscription(
    'created', { id => 'sub_2', customer => 'cus_2', prices => ['price_p'] })),
    'pending', undef;
is plan_of('later'), 404, 'nobody is there yet';
received 'then the checkout', post(HXStripe::checkout(
    { metadata => { tenant_id => 'later' }, customer => 'cus_2',
      client_reference_id => 'not!this', subscription => 'sub_2' })),
    'applied', 'later';
is plan_of('later'), 'pro', 'on what was bought';


# by a name that anybody can choose

$server->admin('onboard/create', { tenant_id => 'big', plan => 'enterprise' });
$records++;
received 'a smaller plan for somebody else\'s tenant', post(
    HXStripe::checkout({ client_reference_id => 'big', customer => 'cus_9',
        subscription => 'sub_9', metadata => { plan => 'builder' } })),
    'refused', 'big';
is plan_of('big'), 'enterprise', 'is not its plan';
ok $server->logged(qr/\[warn\].*Stripe event "checkout.session.completed" .*refused, tenant big/),
    'and a warning';


# not for us

received 'another type', post(HXStripe::event('charge.refunded',
    { id => 'ch_1', customer => { id => 'x' } })), 'ignored', undef;
received 'another product', post(HXStripe::subscription('created',
    { id => 'sub_x', customer => 'cus_x', prices => ['price_x'] })),
    'ignored', undef;
received 'a checkout of something else', post(HXStripe::checkout({})),
    'ignored', undef;


received 'a thin event', post('{"id":"evt_thin","object":"v2.core.event",'
    . '"type":"v1.billing.meter.error","created":"2026-01-01T00:00:00.000Z"}'),
    'ignored', undef;


# a subscription moves to another tenant: both changes are recorded

received 'one', post(HXStripe::checkout(
    { metadata => { tenant_id => 'one', plan => 'pro' }, customer => 'cus_m',
      subscription => 'sub_m' }, created => $now)), 'applied', 'one';
$rec = received 'its subscription is another\'s', post(
    HXStripe::subscription('updated', { id => 'sub_m', customer => 'cus_m',
        metadata => { tenant_id => 'later' } }, created => $now + 1)),
    'unchanged', 'later';
is $rec->{moved_from}, 'one', 'who had it';
isnt $rec->{moved_before}, $rec->{moved_after}, 'is not what he was';
like $rec->{moved_after}, qr/^sha256:[0-9a-f]{64}$/, 'and what he is now';
is $rec->{after}, undef, 'who has it has what he had';
is plan_of('one'), 'starter', 'one has nothing any more';
is plan_of('later'), 'pro', 'later has it';


# bad signatures: not a word about why

my $body = HXStripe::checkout({ client_reference_id => 'evil',
                                metadata => { plan => 'enterprise' } });
my $good = HXStripe::sign($body);
my ($t, $v1) = $good =~ /^t=(\d+),v1=(.*)/;

sub bad_signature {
    my ($name, $signature, $sent) = @_;
    refused $name, post($sent // $body, signature => $signature), 400,
        'invalid_signature', 'Invalid Stripe signature';
}

refused 'no signature', $server->request('POST', $HXStripe::Path,
    body => $body), 400, 'invalid_signature', 'Invalid Stripe signature';
refused 'two headers', $server->request('POST', $HXStripe::Path, body => $body,
    headers => ['Stripe-Signature', $good, 'stripe-signature', $good]), 400,
    'invalid_signature', 'Invalid Stripe signature';
bad_signature 'another secret', HXStripe::sign($body, secret => 'whsec_x');
bad_signature 'an empty one', '';
bad_signature 'no time', "v1=$v1";
bad_signature 'no signature in it', "t=$t";
bad_signature 'another scheme only', "t=$t,v0=$v1";
bad_signature 'another time', 't=' . ($t + 1) . ",v1=$v1";
bad_signature 'two times', "t=$t,t=$t,v1=$v1";
bad_signature 'a cut one', "t=$t,v1=" . substr($v1, 0, 62);
bad_signature 'upper case', "t=$t,v1=" . uc $v1;
bad_signature 'blanks', "t=$t, v1=$v1";
bad_signature 'a changed body', $good, "$body ";
bad_signature 'a shorter body', $good, substr($body, 0, -1);
bad_signature 'no body', $good, '';
bad_signature '301 s old', HXStripe::sign($body, t => time - 302);
bad_signature 'of the future', HXStripe::sign($body, t => time + 303);
bad_signature 'of 1970', HXStripe::sign($body, t => 1);
refused 'old where 10 s may be', post($body, t => time - 12, path => '/short'),
    400, 'invalid_signature', 'Invalid Stripe signature';
is plan_of('evil'), 404, 'nothing came of it';

received '290 s old', post(HXStripe::event('x', {}), t => time - 290),
    'ignored', undef;
received 'signed by the second secret', post(HXStripe::event('x', {}),
    secret => $second), 'ignored', undef;
my $x = HXStripe::event('x', {});
my ($t2, $w1) = HXStripe::sign($x) =~ /^t=(\d+),v1=(.*)/;
received 'one of several signatures', post($x, signature =>
    "v0=junk,v1=" . '0' x 64 . ",t=$t2,v1=$w1"), 'ignored', undef;


# signed, but no event that makes sense

sub bad_event {
    my ($name, $text, $detail) = @_;
    refused $name, post($text), 400, 'invalid_request', $detail;
}

bad_event 'no JSON', '{"id":"evt_1"', 'Invalid Stripe event';
bad_event 'nothing', '', 'Invalid Stripe event';
bad_event 'no event', '{"type":"x","created":1}', 'Invalid Stripe event';
bad_event 'a name said twice', '{"id":"e","id":"e","type":"x","created":1}',
    'Invalid Stripe event';
bad_event 'a bad tenant', HXStripe::checkout(
    { metadata => { tenant_id => '../x' } }),
    "Invalid field 'metadata.tenant_id' in Stripe event";
bad_event 'a bad reference', HXStripe::checkout(
    { client_reference_id => 'a b' }),
    "Invalid field 'client_reference_id' in Stripe event";
bad_event 'another one', HXStripe::checkout({ client_reference_id => 'a.b' }),
    "Invalid field 'client_reference_id' in Stripe event";
bad_event 'a plan there is not', HXStripe::checkout(
    { client_reference_id => 'evil', metadata => { plan => 'gold' } }),
    "Invalid field 'metadata.plan' in Stripe event";
bad_event 'a subscription of nobody', HXStripe::subscription('created',
    { customer => undef }), "Invalid field 'customer' in Stripe event";
is plan_of('evil'), 404, 'and nothing came of these';


# what is no POST, or too much

my $get = $server->request('GET', $HXStripe::Path);
is $get->{headers}{allow}, 'POST', 'GET: what is allowed';
refused 'GET', $get, 405, 'method_not_allowed', 'Method not allowed';
my $large = HXStripe::event('x', { note => 'n' x 1_048_000 });
my $room = 1_048_576 - length $large;
$large = HXStripe::event('x', { note => 'n' x (1_048_000 + $room) });
$large .= ' ' x (1_048_576 - length $large);
is length $large, 1_048_576, '1 MiB';
received '1 MiB', post($large), 'ignored', undef;


# what else guards the location comes first, and nothing is answered behind it

for my $path (qw(/denied /password)) {
    my $r = post(HXStripe::checkout({ metadata => { tenant_id => 'guarded' } }),
                 path => $path);
    is $r->{status}, $path eq '/denied' ? 403 : 401, "$path: refused";
    $records++;
    is plan_of('guarded'), 404, "$path: and nothing was done";
}
is post(HXStripe::checkout({ metadata => { tenant_id => 'tried' } }),
        path => '/tries')->{body}, '{"received":true}',
    'try_files: nobody else gets it';
$records++;
is plan_of('tried'), 'starter', 'it was handled';

# an error page that leads to the webhook itself: an answer, at once
for my $case ([400, "zz\r\n"], [413, "100001\r\n" . 'x' x 65536]) {
    my ($status, $chunk) = @$case;
    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, "POST /again HTTP/1.1\r\nHost: x\r\n"
        . "Transfer-Encoding: chunked\r\nStripe-Signature: t=" . time
        . ',v1=' . 'a' x 64 . "\r\n\r\n$chunk");
    HXGate::send_all($s, 'x' x (0x100001 - 65536) . "\r\n0\r\n\r\n")
        if $status == 413;
    is HXGate::response($s)->{status}, $status,
        "an error page that leads back: $status";
    close $s;
    $records++;
    HXGate::audit($records);
}


# nobody comes in by another way

is $server->request('GET', '/sub')->{status}, 403, 'a subrequest';
is $server->request('GET', '/v1/list/page')->{status}, 401,
    'an error page: what was refused stays refused';
$records++;
my $r = post(HXStripe::event('x', {}), path => '/rewritten');
is $r->{status}, 200, 'a rewrite leads here, and the signature counts';
$records++;
is post(HXStripe::event('x', {}), path => '/rewritten', secret => 'x')
    ->{status}, 400, 'as everywhere';
$records++;
is $server->request('POST', '/gate/stripe', service => 1, json => {})
    ->{status}, 404, 'the service key opens nothing else';
$records++;


# numbers

my $m = $server->request('GET', '/metrics')->{body};
sub counted {
    my ($type, $result, $n) = @_;
    my ($v) = $m =~ /^hx_gate_webhook_events_total\{type="\Q$type\E",result="$result"\} (\d+)$/m;
    is $v, $n, "$type, $result: counted";
}
counted 'checkout.session.completed', 'applied', 4;
counted 'checkout.session.completed', 'duplicate', 1;
counted 'checkout.session.completed', 'refused', 1;
counted 'customer.subscription.updated', 'stale', 1;
counted 'customer.subscription.updated', 'unchanged', 1;
counted 'invoice.paid', 'unchanged', 1;
counted 'unknown', 'invalid', 27;
counted 'other', 'ignored', 7;
like $m, qr/^hx_gate_requests_total\{method="POST",path="\/gate\/stripe\/webhook",status="400"\}/m,
    'the path has a label of its own';

ok $server->logged(qr/\[notice\].*hx_gate: Stripe event "invoice.paid" "evt_\w+": unchanged, tenant acme/),
    'a line in the error log';
my $all = HXGate::slurp($server->{error_log}) . HXGate::slurp($HXGate::Audit);
unlike $all, qr/\Q$HXStripe::Secret\E|\Q$second\E/, 'secrets are in no log';
is $server->stop, 0, 'it stops';
done_testing;
