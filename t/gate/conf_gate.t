# hx_gate: its values, and what must not stand beside it.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $proxy = 'proxy_pass http://127.0.0.1:1;';

sub gated {
    my ($more, %o) = @_;
    my $operations = $o{operations} // 'hx_gate_operations hx-sdp;';
    my $mode = $o{mode} // 'on';
    return (server => <<"EOC");
$operations
location /v1/ {
hx_gate $mode;
$more
$proxy
}
EOC
}

sub value {
    return (server => "hx_gate_operations hx-sdp;\n"
            . "location /v1/ { hx_gate @_; $proxy }", at => 'location /v1/');
}

conf_good('on', value('on'));
conf_good('off', value('off'));
conf_good('shadow', value('shadow'));
for my $v ('maybe', 'ON', 'Shadow', '') {
    conf_bad("\"$v\"", qq(invalid value "$v" in "hx_gate" directive, it must )
             . 'be "on", "off" or "shadow"', value(qq("$v")));
}
conf_bad('nothing', 'invalid number of arguments in "hx_gate" directive',
         value(''));
conf_bad('two words', 'invalid number of arguments in "hx_gate" directive',
         value('on off'));
conf_bad('twice', '"hx_gate" directive is duplicate', value('on; hx_gate on'));
conf_bad('shadow after on', '"hx_gate" directive is duplicate',
         value('on; hx_gate shadow'));
conf_bad('off after shadow', '"hx_gate" directive is duplicate',
         value('shadow; hx_gate off'));
conf_bad('in the main context', '"hx_gate" directive is not allowed here',
         main => 'hx_gate on;', at => 'hx_gate on;');
conf_bad('in an if', '"hx_gate" directive is not allowed here',
         gated('if ($uri) { hx_gate off; }'), at => 'hx_gate off;');
conf_bad('in a limit_except', '"hx_gate" directive is not allowed here',
         gated('limit_except GET { hx_gate off; }'), at => 'hx_gate off;');

conf_bad('no operations', '"hx_gate" is on but there is no '
         . '"hx_gate_operation": every request would be refused',
         gated('', operations => ''), at => 'location /v1/');
conf_good('no operations where it is off', audit => '', key => '',
          registry => '', zone => '',
          server => "location / { hx_gate off; $proxy }");

# another rule would open what the gate closes
my $any = '"satisfy any" where "hx_gate" is on would let other access rules '
    . 'override its refusals';
conf_bad('satisfy any', $any, gated('satisfy any;'), at => 'location /v1/');
conf_bad('satisfy any inherited', $any, gated('', operations =>
         'satisfy any; hx_gate_operations hx-sdp;'), at => 'location /v1/');
conf_good('satisfy all', gated('satisfy all; allow 127.0.0.1; deny all;'));
conf_good('satisfy any elsewhere', server => <<"EOC");
hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; $proxy }
location /open/ { satisfy any; $proxy }
EOC

# nothing may go upstream before the namespace is known
my $buffering = 'request buffering is off where "hx_gate" has an operation '
    . 'with namespace=body: nothing may be forwarded before the namespace is '
    . 'known';
conf_bad('proxy_request_buffering off', $buffering,
         gated('proxy_request_buffering off;'), at => 'location /v1/');
conf_bad('proxy_request_buffering off, inherited', $buffering,
         gated('', operations => 'hx_gate_operations hx-sdp; '
               . 'proxy_request_buffering off;'), at => 'location /v1/');
conf_bad('fastcgi_request_buffering off', $buffering,
         gated('fastcgi_request_buffering off;'), at => 'location /v1/');
conf_bad('uwsgi_request_buffering off', $buffering,
         gated('uwsgi_request_buffering off;'), at => 'location /v1/');
conf_bad('scgi_request_buffering off', $buffering,
         gated('scgi_request_buffering off;'), at => 'location /v1/');
conf_bad('one operation is enough', $buffering,
         gated('proxy_request_buffering off;', operations =>
               'hx_gate_operation a POST /v1/a namespace=none; '
               . 'hx_gate_operation b POST /v1/b namespace=body;'),
         at => 'location /v1/');
conf_good('off where no body names a namespace',
          gated('proxy_request_buffering off;', operations =>
                'hx_gate_operation up POST "/v1/up/{ns}/{key}"; '
                . 'hx_gate_operation note POST /v1/note namespace=none;'));
conf_good('off where the gate is', server => <<"EOC");
hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; $proxy }
location /plain/ { proxy_request_buffering off; $proxy }
EOC

# a shadow refuses nothing, but is checked as what it is to become
conf_bad('shadow without operations', '"hx_gate" is on but there is no '
         . '"hx_gate_operation": every request would be refused',
         gated('', operations => '', mode => 'shadow'), at => 'location /v1/');
conf_bad('shadow with satisfy any', $any,
         gated('satisfy any;', mode => 'shadow'), at => 'location /v1/');
conf_bad('shadow with proxy_request_buffering off', $buffering,
         gated('proxy_request_buffering off;', mode => 'shadow'),
         at => 'location /v1/');
conf_bad('shadow without a zone', 'the gate needs a "hx_gate_zone" directive',
         gated('', mode => 'shadow'), zone => '', at => 'location /v1/');
conf_bad('shadow without a service key', 'the service key is read from the '
         . 'environment variable "HX_GATE_ENGINE_SERVICE_KEY", which is not '
         . 'set', gated('', mode => 'shadow'), key => '',
         at => 'location /v1/');

# inherited like on
for my $mode ('on', 'shadow') {
    conf_bad("$mode in http", '"hx_gate" is on but there is no '
             . '"hx_gate_operation": every request would be refused',
             http => "hx_gate $mode;", server => "location /v1/ { $proxy }",
             at => 'server {');
    conf_good("$mode in http, off in the server", http => "hx_gate $mode;",
              server => "hx_gate off; location /v1/ { $proxy }");
    conf_bad("off in the server, $mode in a location", $any,
             http => "hx_gate $mode;", at => 'satisfy any', server => <<"EOC");
hx_gate off;
hx_gate_operations hx-sdp;
location /v1/ { hx_gate $mode; $proxy
    location /v1/put { satisfy any; } }
EOC
}

done_testing;
