# What each call of the admin plane answers, and what has become of the tenant.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

HXGate::upstream();
my $server = HXGate::Server->new->start;
my $key_form = qr/^hx_live_[0-9A-Za-z]{49}$/;
my $time_form = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/;

sub call {
    my ($name, $json) = @_;
    return $server->admin("onboard/$name", $json);
}

# Exactly these members, in this order.
sub answers {
    my ($name, $r, $status, @members) = @_;

    is $r->{status}, $status, $name;
    my @names = $r->{body} =~ /[{,]"(\w+)":/g;
    my $depth0 = $r->{body};
    1 while $depth0 =~ s/(?<=.)\{[^{}]*\}|\[[^\[\]]*\]/0/;
    is join(' ', $depth0 =~ /"(\w+)":/g), "@members", "$name: members";
    is $r->{headers}{'content-type'}, 'application/json', "$name: type";
    is $r->{headers}{'x-hx-cus'}, undef, "$name: no charge";
    like $r->{headers}{'x-request-id'}, qr/^[0-9a-f-]{36}$/,
        "$name: request id";
    is scalar(grep { /^x-ratelimit/ } keys %{ $r->{headers} }), 0,
        "$name: no rate headers";
}

sub error {
    my ($name, $r, $status, $word, $detail) = @_;
    is "$r->{status} $r->{json}{error}: $r->{json}{detail}",
        "$status $word: $detail", $name;
}

sub status_of {
    my ($key, $ns) = @_;
    return $server->request('GET', "/v1/list/$ns", key => $key)->{status};
}

sub tenant {
    my ($id) = @_;
    return $server->admin("admin/tenants/$id")->{json};
}

# create
my $r = call('create', { tenant_id => 'acme' });
answers('create', $r, 201, qw(tenant_id api_key plan namespaces monthly_quota
                              rate_limit));
my $json = $r->{json};
my $key = delete $json->{api_key};
like $key, $key_form, 'create: a key';
is_deeply $json, { tenant_id => 'acme', plan => 'starter',
                   namespaces => ['default'], monthly_quota => 1000,
                   rate_limit => { requests => 10, window_s => 60 } },
    'create: what holds by default';
is status_of($key, 'default'), 200, 'create: the key works';
is status_of($key, 'prod'), 403, 'create: in that namespace only';

$r = call('create', { tenant_id => 'Big-Corp_1', plan => 'pro',
                      namespaces => [qw(prod staging prod)],
                      email => 'ops@example.com' });
my $big = $r->{json}{api_key};
is_deeply [@{ $r->{json} }{qw(tenant_id plan namespaces monthly_quota
                              rate_limit)}],
    [ 'Big-Corp_1', 'pro', [qw(prod staging)], 500000,
      { requests => 1000, window_s => 60 } ], 'create: as asked for';
is tenant('Big-Corp_1')->{email}, 'ops@example.com', 'create: email';
isnt $big, $key, 'create: another key';

my %plan = (starter => [1000, 10], builder => [50000, 100],
            pro => [500000, 1000], enterprise => [undef, 100]);
for my $plan (sort keys %plan) {
    $r = call('create', { tenant_id => "p-$plan", plan => $plan });
    is_deeply [@{ $r->{json} }{qw(monthly_quota rate_limit)}],
        [ $plan{$plan}[0], { requests => $plan{$plan}[1], window_s => 60 } ],
        "create: plan $plan";
}
is ref(JSON::PP::decode_json($r->{body})), 'HASH', 'create: valid JSON';

error('create: there already', call('create', { tenant_id => 'acme' }), 409,
      'conflict', "Tenant 'acme' already exists");
is status_of($key, 'default'), 200, 'create: there already, its key works on';

$r = call('create', { tenant_id => 'x' x 64,
                      namespaces => [map { 'n' x 236 . $_ } 1000 .. 1255] });
is $r->{status}, 201, 'create: 256 long namespaces';
is scalar @{ $r->{json}{namespaces} }, 256, 'create: all of them';
error('add-namespace: one too many', call('add-namespace', {
    tenant_id => 'x' x 64, namespace => 'one-more' }), 409, 'conflict',
    "Tenant '" . 'x' x 64 . "' has the maximum of 256 namespaces");

# add-namespace, remove-namespace
$r = call('add-namespace', { tenant_id => 'acme', namespace => 'prod' });
answers('add-namespace', $r, 200, qw(tenant_id namespaces));
is_deeply $r->{json}, { tenant_id => 'acme',
                        namespaces => [qw(default prod)] },
    'add-namespace: the list';
is status_of($key, 'prod'), 200, 'add-namespace: in force';
$r = call('add-namespace', { tenant_id => 'acme', namespace => 'prod' });
is_deeply $r->{json}{namespaces}, [qw(default prod)],
    'add-namespace: twice is once';

$r = call('remove-namespace', { tenant_id => 'acme', namespace => 'default' });
answers('remove-namespace', $r, 200, qw(tenant_id namespaces));
is_deeply $r->{json}{namespaces}, ['prod'], 'remove-namespace: the list';
is status_of($key, 'default'), 403, 'remove-namespace: in force';
error('remove-namespace: not there', call('remove-namespace', {
    tenant_id => 'acme', namespace => 'default' }), 404, 'not_found',
    "Tenant 'acme' does not have that namespace");
error('remove-namespace: the last', call('remove-namespace', {
    tenant_id => 'acme', namespace => 'prod' }), 409, 'conflict',
    "Tenant 'acme' must keep at least one namespace");
is status_of($key, 'prod'), 200, 'remove-namespace: the last, kept';

# suspend, activate
$r = call('suspend', { tenant_id => 'acme' });
answers('suspend', $r, 200, qw(tenant_id status));
is $r->{json}{status}, 'suspended', 'suspend: said so';
error('suspend: in force', $server->request('GET', '/v1/list/prod',
      key => $key), 403, 'forbidden', "Tenant 'acme' is suspended");
is call('suspend', { tenant_id => 'acme' })->{status}, 200, 'suspend: twice';
is tenant('acme')->{status}, 'suspended', 'suspend: listed';
is status_of($big, 'prod'), 200, 'suspend: nobody else';
$r = call('activate', { tenant_id => 'acme' });
answers('activate', $r, 200, qw(tenant_id status));
is $r->{json}{status}, 'active', 'activate: said so';
is status_of($key, 'prod'), 200, 'activate: in force';
is call('activate', { tenant_id => 'acme' })->{status}, 200, 'activate: twice';

# update-tier
$r = call('update-tier', { tenant_id => 'acme', plan => 'builder' });
answers('update-tier', $r, 200, qw(tenant_id plan monthly_quota rate_limit));
is_deeply $r->{json}, { tenant_id => 'acme', plan => 'builder',
                        monthly_quota => 50000,
                        rate_limit => { requests => 100, window_s => 60 } },
    'update-tier: the plan\'s limits';
$r = call('update-tier', { tenant_id => 'acme', plan => 'pro',
                           monthly_quota => 77,
                           rate_limit => { requests => 5, window_s => 1 } });
is_deeply [@{ $r->{json} }{qw(monthly_quota rate_limit)}],
    [ 77, { requests => 5, window_s => 1 } ], 'update-tier: its own';
$r = call('update-tier', { tenant_id => 'acme', plan => 'starter' });
is_deeply [@{ $r->{json} }{qw(monthly_quota rate_limit)}],
    [ 77, { requests => 5, window_s => 1 } ],
    'update-tier: its own stay with another plan';
$r = call('update-tier', { tenant_id => 'acme', plan => 'starter',
                           monthly_quota => undef, rate_limit => undef });
is_deeply [@{ $r->{json} }{qw(monthly_quota rate_limit)}],
    [ 1000, { requests => 10, window_s => 60 } ],
    'update-tier: null takes them back';
$r = call('update-tier', { tenant_id => 'acme', plan => 'starter',
                           monthly_quota => 0 });
is $r->{json}{monthly_quota}, 0, 'update-tier: a quota of nothing';

# rotate-key
$r = call('rotate-key', { tenant_id => 'acme' });
answers('rotate-key', $r, 200, qw(tenant_id api_key));
my $new = $r->{json}{api_key};
like $new, $key_form, 'rotate-key: a key';
isnt $new, $key, 'rotate-key: a new one';
is status_of($key, 'prod'), 401, 'rotate-key: the old one is dead';
is status_of($new, 'prod'), 200, 'rotate-key: the new one works';
is tenant('acme')->{api_keys}, 1, 'rotate-key: one key';

# with grace
$r = call('rotate-key', { tenant_id => 'acme', grace_s => 3600 });
my $newer = $r->{json}{api_key};
is status_of($new, 'prod'), 200, 'grace: the old one works on';
is status_of($newer, 'prod'), 200, 'grace: the new one works';
is tenant('acme')->{api_keys}, 2, 'grace: two keys';
# whole seconds are counted: one of them may be over at once
$r = call('rotate-key', { tenant_id => 'acme', grace_s => 3 });
is status_of($new, 'prod') . status_of($newer, 'prod'), '200200',
    'a grace of seconds: not over yet';
HXGate::wait_for('the end of the grace', sub {
    status_of($new, 'prod') == 401 && status_of($newer, 'prod') == 401;
});
pass 'a grace of seconds: over';
is status_of($r->{json}{api_key}, 'prod'), 200, 'the newest works on';
$r = call('rotate-key', { tenant_id => 'acme', grace_s => 100 });
$r = call('rotate-key', { tenant_id => 'acme', grace_s => 0 });
is tenant('acme')->{api_keys}, 1, 'no grace: all the others go';
my $last = $r->{json}{api_key};

# a key that ends by itself
$r = call('rotate-key', { tenant_id => 'acme', expires_at => time + 2 });
my $short = $r->{json}{api_key};
is status_of($short, 'prod'), 200, 'expires_at: works';
HXGate::wait_for('the key to expire', sub { status_of($short, 'prod') == 401 });
pass 'expires_at: then no more';
$r = call('create', { tenant_id => 'brief', expires_at => time + 3600 });
is status_of($r->{json}{api_key}, 'default'), 200, 'create with expires_at';

# at most 8 keys live: the oldest goes
my @keys = map { call('rotate-key', { tenant_id => 'brief', grace_s => 600 })
                     ->{json}{api_key} } 1 .. 9;
is tenant('brief')->{api_keys}, 8, '8 keys at most';
is join(' ', map { status_of($_, 'default') } @keys),
    join(' ', 401, (200) x 8), 'the oldest went';

# tenants/{id}
$r = $server->admin('admin/tenants/Big-Corp_1');
answers('tenants/{id}', $r, 200, qw(tenant_id plan status namespaces email
        monthly_quota rate_limit api_keys created_at updated_at));
like delete $r->{json}{created_at}, $time_form, 'tenants/{id}: created_at';
like delete $r->{json}{updated_at}, $time_form, 'tenants/{id}: updated_at';
is_deeply $r->{json}, { tenant_id => 'Big-Corp_1', plan => 'pro',
    status => 'active', namespaces => [qw(prod staging)],
    email => 'ops@example.com', monthly_quota => 500000, api_keys => 1,
    rate_limit => { requests => 1000, window_s => 60 } },
    'tenants/{id}: the rest';
is tenant('acme')->{email}, undef, 'tenants/{id}: no email is null';

# delete
$r = call('delete', { tenant_id => 'Big-Corp_1' });
answers('delete', $r, 200, qw(tenant_id deleted));
is status_of($big, 'prod'), 401, 'delete: the key is dead';
error('delete: gone', $server->admin('admin/tenants/Big-Corp_1'), 404,
      'not_found', "Tenant 'Big-Corp_1' not found");
$r = call('create', { tenant_id => 'Big-Corp_1', namespaces => ['prod'] });
is $r->{status}, 201, 'delete: the name is free again';
is status_of($big, 'prod'), 401, 'delete: the old key stays dead';

# nobody
for my $call (qw(rotate-key add-namespace remove-namespace suspend activate
                 update-tier delete))
{
    my %more = $call =~ /namespace/ ? (namespace => 'a')
             : $call eq 'update-tier' ? (plan => 'pro') : ();
    error("$call: nobody", call($call, { tenant_id => 'nobody', %more }), 404,
          'not_found', "Tenant 'nobody' not found");
}

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
my $files = join '', map { HXGate::slurp($_) } $server->{error_log},
    $HXGate::Audit;
is scalar(grep { index($files, $_) >= 0 } $key, $big, $new, $newer, $last,
          @keys, $HXGate::ServiceKey), 0, 'no key in any log';

done_testing;
