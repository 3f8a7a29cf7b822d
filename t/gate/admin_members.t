# Bodies of admin calls that do not say what is to be done: 400 naming the
# member, and nothing has changed.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

my $server = HXGate::Server->new->start;
HXGate::create($server->{port}, { tenant_id => 'acme' });

sub bad {
    my ($call, $body, $detail) = @_;
    my $r = $server->request('POST', "/gate/onboard/$call", service => 1,
                             body => $body);
    (my $name = substr $body, 0, 60) =~ s/[^ -~]/./g;
    is "$r->{status} $r->{json}{error}: $r->{json}{detail}",
        "400 invalid_request: $detail", "$call $name";
}

my $before = $server->admin('admin/tenants')->{body};

# no JSON object
my $json = 'Invalid JSON body';
my $object = 'Request body must be a JSON object';
bad('create', '', $json);
bad('create', '{', $json);
bad('create', '{"tenant_id":"new"', $json);
bad('create', '{"tenant_id":"new"}}', $json);
bad('create', '{"tenant_id":"new"} {}', $json);
bad('create', qq({"tenant_id":"n\xff"}), $json);
bad('create', 'tenant_id=new', $json);
bad('create', '[]', $object);
bad('create', '"new"', $object);
bad('create', 'null', $object);
bad('create', '1', $object);

# what must be there
for my $call (qw(create rotate-key add-namespace remove-namespace suspend
                 activate update-tier delete))
{
    bad($call, '{}', "Missing required field 'tenant_id'");
    bad($call, '{"tenant_id":"acme","tenant":"x"}', "Unknown field 'tenant'");
    bad($call, '{"tenant_id":"acme","tenant_id":"acme"}',
        "Duplicate field 'tenant_id'");
    bad($call, '{"tenant_id":"acme","tenant\u005fid":"acme"}',
        "Duplicate field 'tenant_id'");
    bad($call, '{"tenant_id":7}', "Field 'tenant_id' must be a string");
    bad($call, '{"tenant_id":null}', "Field 'tenant_id' must not be null");
    bad($call, '{"tenant_id":true}', "Field 'tenant_id' must not be a boolean");
    bad($call, '{"tenant_id":["acme"]}', "Field 'tenant_id' has the wrong type");
    bad($call, '{"tenant_id":{}}', "Field 'tenant_id' has the wrong type");
    bad($call, '{"tenant_id":""}', "Invalid tenant_id ''");
    bad($call, '{"tenant_id":"a b"}', "Invalid tenant_id 'a b'");
    bad($call, '{"tenant_id":"../x"}', "Invalid tenant_id '../x'");
    bad($call, '{"tenant_id":"a\u0000"}', "Invalid tenant_id 'a\0'");
    bad($call, '{"tenant_id":"a\"\\\\\u00e4"}', qq(Invalid tenant_id 'a"\\\xe4'));
    bad($call, '{"tenant_id":"' . 't' x 65 . '"}',
        "Invalid tenant_id '" . 't' x 65 . "'");
    bad($call, '{"tenant_id":"' . 't' x 5000 . '"}',
        "Field 'tenant_id' is too long");
}
bad('add-namespace', '{"tenant_id":"acme"}',
    "Missing required field 'namespace'");
bad('remove-namespace', '{"tenant_id":"acme"}',
    "Missing required field 'namespace'");
bad('update-tier', '{"tenant_id":"acme"}', "Missing required field 'plan'");

# members that belong to other calls
bad('create', '{"tenant_id":"new","namespace":"x"}',
    "Unknown field 'namespace'");
bad('create', '{"tenant_id":"new","grace_s":1}', "Unknown field 'grace_s'");
bad('create', '{"tenant_id":"new","api_key":"x"}', "Unknown field 'api_key'");
bad('suspend', '{"tenant_id":"acme","plan":"pro"}', "Unknown field 'plan'");
bad('delete', '{"tenant_id":"acme","force":true}', "Unknown field 'force'");
bad('update-tier', '{"tenant_id":"acme","plan":"pro","requests":1}',
    "Unknown field 'requests'");
bad('rotate-key', '{"tenant_id":"acme","a\"b":1}', "Unknown field 'a\"b'");
bad('rotate-key', '{"tenant_id":"acme","' . 'x' x 300 . '":1}',
    "Unknown field '" . 'x' x 255 . "'");

# plan
my $plans = "', known: starter, builder, pro, enterprise";
bad('create', '{"tenant_id":"new","plan":"gold"}', "Unknown plan 'gold$plans");
bad('create', '{"tenant_id":"new","plan":"Pro"}', "Unknown plan 'Pro$plans");
bad('create', '{"tenant_id":"new","plan":""}', "Unknown plan '$plans");
bad('create', '{"tenant_id":"new","plan":2}', "Field 'plan' must be a string");
bad('update-tier', '{"tenant_id":"acme","plan":"gold"}',
    "Unknown plan 'gold$plans");

# namespaces
my $array = "Field 'namespaces' must be an array of strings";
bad('create', '{"tenant_id":"new","namespaces":"prod"}', $array);
bad('create', '{"tenant_id":"new","namespaces":1}', $array);
bad('create', '{"tenant_id":"new","namespaces":{}}',
    "Field 'namespaces' has the wrong type");
bad('create', '{"tenant_id":"new","namespaces":null}',
    "Field 'namespaces' must not be null");
bad('create', '{"tenant_id":"new","namespaces":[]}',
    "Field 'namespaces' must not be empty");
bad('create', '{"tenant_id":"new","namespaces":["a",1]}', $array);
bad('create', '{"tenant_id":"new","namespaces":["a",null]}',
    "Field 'namespaces' must not be null");
bad('create', '{"tenant_id":"new","namespaces":["a",["b"]]}',
    "Field 'namespaces' has the wrong type");
bad('create', '{"tenant_id":"new","namespaces":["a","b/c"]}',
    "Invalid namespace 'b/c'");
bad('create', '{"tenant_id":"new","namespaces":[""]}', "Invalid namespace ''");
bad('create', '{"tenant_id":"new","namespaces":["*"]}',
    "Invalid namespace '*'");
bad('create', '{"tenant_id":"new","namespaces":["' . 'n' x 256 . '"]}',
    "Invalid namespace '" . 'n' x 255 . "'");
bad('create', '{"tenant_id":"new","namespaces":['
    . join(',', map { qq("n$_") } 1 .. 257) . ']}',
    "Field 'namespaces' has too many entries");
bad('add-namespace', '{"tenant_id":"acme","namespace":"a.b"}',
    "Invalid namespace 'a.b'");
bad('add-namespace', '{"tenant_id":"acme","namespace":["a"]}',
    "Field 'namespace' has the wrong type");

# email
for my $email ('x', '@', 'a@', '@b', 'a b@c', 'a@b@c', "a\\n\@b") {
    my $shown = $email =~ s/\\n/\n/r;
    bad('create', qq({"tenant_id":"new","email":"$email"}),
        "Invalid email '$shown'");
}
bad('create', '{"tenant_id":"new","email":"' . 'a' x 250 . '@b.cd"}',
    "Invalid email '" . 'a' x 250 . "\@b.cd'");

# numbers
for my $v ('-1', '1.5', '1e3', '2592001', '99999999999999999999') {
    bad('rotate-key', qq({"tenant_id":"acme","grace_s":$v}),
        "Field 'grace_s' must be an integer from 0 to 2592000");
}
bad('rotate-key', '{"tenant_id":"acme","grace_s":"60"}',
    "Field 'grace_s' must be a number");
for my $v (0, 1, time - 1, '253402300800', '-5', '1e10') {
    bad('rotate-key', qq({"tenant_id":"acme","expires_at":$v}),
        "Field 'expires_at' must be Unix seconds in the future");
}
bad('create', '{"tenant_id":"new","expires_at":"2030-01-01"}',
    "Field 'expires_at' must be a number");
for my $v ('-1', '1000000000001', '0.1') {
    bad('update-tier',
        qq({"tenant_id":"acme","plan":"pro","monthly_quota":$v}),
        "Field 'monthly_quota' must be an integer from 0 to 1000000000000, "
        . 'or null');
}
my %rate = (
    '7'                           => "Field 'rate_limit' must be an object",
    '"10/60"'                     => "Field 'rate_limit' must be an object",
    '[]'                          => "Field 'rate_limit' has the wrong type",
    '{}' => "Field 'rate_limit' needs 'requests' and 'window_s'",
    '{"requests":1}'
        => "Field 'rate_limit' needs 'requests' and 'window_s'",
    '{"requests":1,"window_s":1,"burst":1}' => "Unknown field 'burst'",
    '{"requests":0,"window_s":1}'
        => "Field 'requests' must be an integer from 1 to 1000000000",
    '{"requests":1,"window_s":2678401}'
        => "Field 'window_s' must be an integer from 1 to 2678400",
    '{"requests":1,"requests":2,"window_s":1}'
        => "Duplicate field 'requests'",
    '{"requests":null,"window_s":1}' => "Field 'requests' must not be null",
    '{"requests":{},"window_s":1}' => "Field 'requests' has the wrong type",
);
for my $v (sort keys %rate) {
    bad('update-tier', qq({"tenant_id":"acme","plan":"pro","rate_limit":$v}),
        $rate{$v});
}

is $server->admin('admin/tenants')->{body}, $before, 'nothing has changed';
is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
