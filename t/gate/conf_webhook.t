# hx_gate_stripe_webhook and hx_gate_stripe_price: what nginx -t takes, what it
# says to the rest, and that no secret is ever repeated.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use HXConf;
use Test::More;

my $secret = 'whsec_abcdefghijklmnopqrstuvwxyz012345';
my $env = 'HX_GATE_STRIPE_WEBHOOK_SECRET';
my @set = (env => { $env => $secret, S2 => 'whsec_2', S3 => 'whsec_3',
                    S4 => 'whsec_4', S5 => 'whsec_5', EMPTY => '',
                    API => 'sk_live_abcdefghijklmnopqrst',
                    BLANK => 'whsec_a b' });
my $dir = $HXGate::Dir;

HXGate::spew("$dir/$_->[0]", $_->[1]) for ['good', "$secret\n"], ['none', ''],
    ['open', "$secret\n"], ['api', "rk_test_abc\n"], ['long', 'x' x 257];
chmod 0600, "$dir/$_" for qw(good none api long);
chmod 0644, "$dir/open";

sub hook { return (server => "location = /w { hx_gate_stripe_webhook $_[0]; "
                           . ($_[1] // '') . ' }') }

conf_good 'the secret of the environment', @set, hook('');
conf_good 'a variable', @set, hook('secret=env:S2');
conf_good 'a file', hook("secret=file:$dir/good");
conf_good 'four', @set, hook("secret=env:S2 secret=env:S3 secret=env:S4 "
                             . "secret=file:$dir/good tolerance=1h");
conf_good 'a tolerance', @set, hook('tolerance=1');
conf_good 'before an upstream', @set,
    hook('', 'proxy_pass http://127.0.0.1:1;');
conf_good 'the upstream first', @set, server =>
    'location = /w { proxy_pass http://127.0.0.1:1; hx_gate_stripe_webhook; }';
conf_good 'where the gate is on around it', @set, server =>
    'hx_gate_operations hx-sdp; hx_gate on; '
    . 'location = /w { hx_gate_stripe_webhook; }';
conf_good 'prices', @set, hook(''), http =>
    'hx_gate_stripe_price price_1 pro; hx_gate_stripe_price price_2 mine; '
    . 'hx_gate_plan mine requests=1 window=1s quota=1;';
conf_good 'prices without a webhook', http => 'hx_gate_stripe_price p pro;';

conf_warn 'a file for everybody', "everybody on this machine has access to the "
    . "key in \"$dir/open\": chmod 600", hook("secret=file:$dir/open"), at => 'location = /w';

sub bad {
    my ($name, $message, %o) = @_;
    $o{at} = (split /\n/, $o{server})[0] if !exists $o{at} && !$o{http};
    conf_bad($name, $message, %o);
}

bad 'no secret', 'the webhook secret is read from the environment variable '
    . "\"$env\", which is not set", hook('');
bad 'an empty variable', 'the webhook secret is read from the environment '
    . 'variable "EMPTY", which is not set', @set, hook('secret=env:EMPTY');
bad 'no such variable', 'the webhook secret is read from the environment '
    . 'variable "NONE", which is not set', @set, hook('secret=env:NONE');
bad 'an API key', '"API" holds an API key of Stripe, not the secret of a '
    . 'webhook ("whsec_...")', @set, hook('secret=env:API');
bad 'another one', "\"$dir/api\" holds an API key of Stripe, not the secret of "
    . 'a webhook ("whsec_...")', hook("secret=file:$dir/api");
bad 'a blank', 'the webhook secret in "BLANK" must be 1 to 256 printable '
    . 'characters without blanks', @set, hook('secret=env:BLANK');
bad 'an empty file', "the webhook secret in \"$dir/none\" must be 1 to 256 "
    . 'printable characters without blanks', hook("secret=file:$dir/none");
bad 'too long', "the webhook secret in \"$dir/long\" must be 1 to 256 "
    . 'printable characters without blanks', hook("secret=file:$dir/long");
bad 'no such file', "open() \"$dir/gone\" failed (2: No such file or "
    . 'directory)', hook("secret=file:$dir/gone");
bad 'five', 'there can be 4 webhook secrets at most', @set,
    hook(join ' ', map { "secret=env:$_" } $env, qw(S2 S3 S4 S5));
bad 'one twice', "the webhook secret in \"$dir/good\" is there twice", @set,
    hook("secret=env:$env secret=file:$dir/good");
for my $s ($secret, 'env:', 'file:') {
    bad "secret=$s", '"secret=" takes "env:<NAME>" or "file:<path>"', @set,
        hook("secret=$s");
}
for my $t (qw(0 -1 3601s 2h x 1.5s), '""') {
    (my $shown = $t) =~ tr/"//d;
    bad "tolerance=$t", "invalid tolerance \"$shown\", it must be from 1s to "
        . '1h', @set, hook($t eq '""' ? '"tolerance="' : "tolerance=$t");
}
bad 'two tolerances', '"hx_gate_stripe_webhook" directive has more than one '
    . '"tolerance="', @set, hook('tolerance=5s tolerance=6s');
bad 'something else', 'invalid parameter "on"', @set, hook('on');
bad 'twice', '"hx_gate_stripe_webhook" directive is duplicate, or there is '
    . 'another hx_gate handler in this location', @set,
    hook('', 'hx_gate_stripe_webhook;');
bad 'with another handler', '"hx_gate_admin" directive is duplicate, or there '
    . 'is another hx_gate handler in this location', @set,
    hook('', 'hx_gate_admin;');
bad 'with the gate', '"hx_gate on" and a hx_gate handler cannot be in one '
    . 'location', @set, hook('', 'hx_gate on;');
bad 'in a server', '"hx_gate_stripe_webhook" directive is not allowed here',
    @set, server => 'hx_gate_stripe_webhook;';
bad 'satisfy any', '"satisfy any" with "hx_gate_stripe_webhook" would let other '
    . 'access rules stand in for a signature', @set, hook('', 'satisfy any;');
bad 'unbuffered', 'request buffering is off with "hx_gate_stripe_webhook": '
    . 'nothing may be forwarded before its signature is known', @set, hook('',
    'proxy_pass http://127.0.0.1:1; proxy_request_buffering off;');
my $hook = 'location = /w { hx_gate_stripe_webhook; }';
bad 'a plan there is not', 'unknown plan "gold" in "hx_gate_stripe_price"',
    @set, http => 'hx_gate_stripe_price p gold;', server => $hook,
    at => $hook;
bad 'a price twice', 'price "p" has a plan already', @set,
    http => 'hx_gate_stripe_price p pro; hx_gate_stripe_price p builder;';
bad 'a price with a blank', 'invalid price "a b"',
    http => 'hx_gate_stripe_price "a b" pro;';
bad 'too many', 'there can be 256 prices at most',
    http => join ' ', map { "hx_gate_stripe_price p$_ pro;" } 1 .. 257;
bad 'no plan', 'invalid number of arguments in "hx_gate_stripe_price" '
    . 'directive', http => 'hx_gate_stripe_price p;';
bad 'a price in a server', '"hx_gate_stripe_price" directive is not allowed '
    . 'here', server => 'hx_gate_stripe_price p pro;';

my ($code, $text) = HXConf::conf_text(hook("secret=$secret"));
unlike $text, qr/\Q$secret\E/, 'what may be the secret is not repeated';
done_testing;
