# nginx -t names operations that no request can be.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $pass = 'proxy_pass http://127.0.0.1:1;';

sub op {
    my ($name, $what) = @_;
    return "hx_gate_operation $name $what;";
}

# Two operations, of which the second can never be.
my $first = sub { qq(no request can be this operation: "$_[0]" before it takes )
                  . 'them all' };
sub two {
    my ($one, $other) = @_;
    return (server => join("\n", op('one', $one), op('two', $other),
                           "location / { hx_gate on; $pass }"),
            at => 'hx_gate_operation two');
}
for my $case (['the same', 'POST /v1/a', 'POST /v1/a'],
              ['of another source', 'POST /v1/a', 'POST /v1/a namespace=body'],
              ['a segment for any', 'GET "/v1/{any}"', 'GET /v1/a'],
              ['a segment for any namespace', 'GET "/v1/{any}/{key}"',
               'GET "/v1/{ns}/{key}"'],
              ['all of the rest', 'GET "/v1/{key}"', 'GET /v1/a/b/c'],
              ['all of the rest, the rest', 'GET "/v1/{key}"',
               'GET "/v1/get/{ns}/{key}"'],
              ['GET before HEAD', 'GET /v1/a', 'HEAD /v1/a'],
              ['one expression', 'GET "~/v1/[a-z]+"', 'GET "~/v1/[a-z]+"'])
{
    my ($name, @two) = @$case;
    conf_warn($name, $first->('one'), two(@two));
}
for my $case (['another method', 'POST /v1/a', 'GET /v1/a'],
              ['HEAD before GET', 'HEAD /v1/a', 'GET /v1/a'],
              ['another path', 'GET /v1/a', 'GET /v1/ab'],
              ['a longer path', 'GET "/v1/{any}"', 'GET /v1/a/b'],
              ['a shorter path', 'GET "/v1/{a}/{b}"', 'GET /v1/a'],
              ['one segment before the rest', 'GET "/v1/{any}"',
               'GET "/v1/{key}"'],
              ['the exception first', 'GET /v1/a', 'GET "/v1/{any}"'],
              ['a namespace in front', 'GET "/v1/{ns}/a"', 'GET "/v1/{ns}/b"'],
              ['other expressions', 'GET "~/v1/[a-z]+"', 'GET "~/v1/[a-y]+"'])
{
    my ($name, @two) = @$case;
    conf_good($name, two(@two));
}
conf_warn('after the set', $first->('put'), server => 'hx_gate_operations '
          . "hx-sdp;\n" . op('mine', 'POST /v1/put namespace=body cost=3')
          . "\nlocation /v1/ { hx_gate on; $pass }",
          at => 'hx_gate_operation mine');
conf_good('before the set, instead of one of it',
          server => op('mine', 'POST /v1/put namespace=body cost=3')
              . ' hx_gate_operations hx-sdp; '
              . "location /v1/ { hx_gate on; $pass }");
conf_good('the same in two places', server => op('a', 'GET /v1/a')
          . "location /v1/ { hx_gate on; $pass }"
          . "location /v1/a { hx_gate on; $pass @{[op('b', 'GET /v1/a')]} }");
conf_good('where the gate is off', server => op('a', 'GET /a')
          . op('b', 'GET /a') . "location / { $pass }", zone => '',
          registry => '', key => '', audit => '');

conf_good('where the gate is off, but is on elsewhere', server =>
          "location / { @{[op('a', 'GET /a'), op('b', 'GET /a')]} $pass } "
          . "location /v1/ { hx_gate on; hx_gate_operations hx-sdp; $pass }");

# the location is for other paths
my $not = sub { qq(operation "two" has no path that begins with that of )
                . qq(location "$_[0]") };
sub in {
    my ($location, $path) = @_;
    return (server => "\nlocation $location { hx_gate on; $pass\n"
            . op('two', "GET \"$path\"") . "\n}", at => 'operation two');
}
for my $case (['/v1/', '/v2/a'], ['/v1/', '/v1'], ['/v1/get/', '/v1/list/{ns}'],
              ['= /v1/a', '/v1/b'], ['= /v1/a', '/v1/a/b'], ['= /v1/', '/v1'],
              ['^~ /api/', '/v1/get/{ns}/{key}'])
{
    my ($location, $path) = @$case;
    (my $at = $location) =~ s/.* //;
    conf_warn("$path in $location", $not->($at), in(@$case));
}
conf_good("$$_[1] in $$_[0]", in(@$_))
    for ['/', '/v1/a'], ['/v1/', '/v1/a'], ['/v1', '/v1'], ['/v1', '/v1x'],
        ['/v1/get/', '/v1/{what}/{ns}/{key}'], ['/v1/', '/{version}/a'],
        ['= /v1/a', '/v1/{what}'], ['= /v1/a', '/v1/a'], ['~ ^/x', '/v1/a'],
        ['^~ /v1/', '/v1/get/{ns}/{key}'], ['@name', '/v1/a'],
        ['/v1/', '~/x/.*'];
conf_good('behind a rewrite', server => 'location /api/ { hx_gate on; rewrite '
          . "^/api(.*) \$1 break; $pass @{[op('a', 'GET /v1/a')]} }");
conf_good('where redirects lead to', server => 'location /again/ { internal; '
          . "hx_gate on; $pass @{[op('a', 'GET /v1/a')]} }");

my $none = sub { qq(no operation has a path that begins with that of location )
                 . qq("$_[0]": "hx_gate" would refuse every request) };
sub under {
    my ($location) = @_;
    return (server => "hx_gate_operations hx-sdp;\n"
            . "location $location { hx_gate on; $pass }",
            at => "location $location");
}
conf_warn("all of them in $_", $none->($_), under($_))
    for '/v2/', '/v1/puts', '/files/', '/v1/gets/';
conf_good("some of them in $_", under($_))
    for '/', '/v1/', '/v1/put', '/v1/get/prod/', '/v1/delete/', '~ \.x$';
conf_good('its own, and the gate is off there', server =>
          "location /v2/ { @{[op('a', 'GET /a')]} $pass } "
          . "location /v1/ { hx_gate on; hx_gate_operations hx-sdp; $pass }");
conf_good('the gate is off there', server => 'hx_gate_operations hx-sdp; '
          . "location /v2/ { $pass } location /v1/ { hx_gate on; $pass }");

conf_good('what nginx answers before', server => 'hx_gate_operations hx-sdp;'
          . 'hx_gate on; location = /healthz { return 200; } '
          . 'location /docs { return 301 https://docs.example.com; }');

done_testing;
