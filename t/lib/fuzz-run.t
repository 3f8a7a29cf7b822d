#!/usr/bin/perl
# t/fuzz/run with programs that stand in for fuzzers: what it says, and its
# exit code, of one that is fine, one that finds a crash, one that does nothing,
# one that cannot run, and of controls.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

my $dir = tempdir(CLEANUP => 1);

# A fuzzer, as far as the runner sees one: what it prints, what it leaves.
my $stats = <<'EOS';
echo "#4096	DONE   cov: 57 ft: 89 corp: 3/9b lim: 4 exec/s: 4096 rss: 30Mb" >&2
echo "stat::number_of_executed_units: 12345" >&2
echo "stat::average_exec_per_sec:     823" >&2
EOS
my $crash = <<'EOS';
for arg; do
    case $arg in
    -artifact_prefix=*) echo input > "${arg#*=}crash-1" ;;
    -exact_artifact_path=*) echo i > "${arg#*=}" ;;
    esac
done
echo "x.c:1: broken: it" >&2
exit 77
EOS

sub fuzzer {
    my ($name, $body) = @_;
    my $path = "$dir/$name";
    open my $file, '>', $path or die "$path: $!\n";
    print $file "#!/bin/sh\n$body";
    close $file or die "$path: $!\n";
    chmod 0755, $path or die "$path: $!\n";
    return $path;
}

sub run {
    my (@args) = @_;
    open my $out, '-|', '/bin/sh', '-c', 'exec "$@" 2>&1', 'sh',
        't/fuzz/run', '--build', "$dir/build", '--time', 1, @args
        or die "t/fuzz/run: $!\n";
    my $text = join '', <$out>;
    close $out;
    return ($? >> 8, $text);
}

my $good = fuzzer('fuzz_good', $stats);
my $bad = fuzzer('fuzz_bad', $stats . $crash);

my ($code, $text) = run($good);
is($code, 0, 'no crash');
like($text, qr/^good\s+12,345\s+823\s+57\s+89\s+0$/m, 'its figures');

($code, $text) = run($good, $bad);
is($code, 1, 'a crash');
like($text, qr/^bad\s+12,345\s+823\s+57\s+89\s+1$/m, 'is counted');
like($text, qr/^all\s+24,690\s+1$/m, 'sums');
like($text, qr/^crash: \S+\/crash\/bad\/small-crash-1$/m, 'made small');
like($text, qr/belongs to t\/fuzz\/regress\/bad/, 'where it belongs');

($code, $text) = run(fuzzer('fuzz_idle', "exit 0\n"));
is($code, 2, 'nothing was executed');
like($text, qr/^idle: nothing was executed/m, 'and that is said');

($code, $text) = run(fuzzer('fuzz_broken', $stats . "exit 3\n"));
is($code, 2, 'an exit code without a crash');
like($text, qr/^broken: exit code 3/m, 'and that is said');

($code, $text) = run('--control', $bad, $good);
is($code, 0, 'a control that is found out');
like($text, qr/^control: found out in /m, 'and that is said');

($code, $text) = run('--control', $good, $good);
is($code, 2, 'a control that is not found out');
like($text, qr/wrong on purpose, and was not found out/, 'and that is said');
unlike($text, qr/^good /m, 'and nothing else runs');

done_testing;
