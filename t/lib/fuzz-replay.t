#!/usr/bin/perl
# Replays the corpus and the regress inputs of every fuzz harness, one test
# for each harness: HX_FUZZ names the programs (the Makefile sets it).  The
# inputs of .../fuzz_NAME are t/fuzz/corpus/NAME and t/fuzz/regress/NAME.
#
# HX_FUZZ_CONTROL: programs .../control_NAME_<n> that are fuzz_NAME with
# something wrong on purpose.  Each must be found out by the inputs of NAME.
use strict;
use warnings;

use File::Basename qw(basename);
use POSIX qw(SIGABRT);
use Test::More;

my @programs = split ' ', $ENV{HX_FUZZ} // '';
my @controls = split ' ', $ENV{HX_FUZZ_CONTROL} // '';

plan tests => @programs + @controls;

sub inputs {
    my ($name) = @_;
    return grep { -f } map { glob "t/fuzz/$_/$name/*" } qw(corpus regress);
}

sub replay {
    my ($program, @inputs) = @_;
    open my $out, '-|', '/bin/sh', '-c', 'exec "$@" 2>&1', 'sh',
        $program, @inputs or die "$program: $!\n";
    my @lines = <$out>;
    close $out;
    return $?, @lines;
}

for my $program (@programs) {
    (my $name = basename($program)) =~ s/^fuzz_//;
    my @inputs = inputs($name);
    subtest $name => sub {
        plan tests => 2;
        cmp_ok(scalar @inputs, '>', 0, 'has inputs');
        my ($status, @lines) = replay($program, @inputs);
        is($status, 0, scalar(@inputs) . ' inputs replayed') or diag(@lines);
    };
}

for my $program (@controls) {
    (my $name = basename($program)) =~ s/^control_(\w+)_\d+$/$1/;
    my ($status, @lines) = replay($program, inputs($name));
    my $found = grep { /: broken: / } @lines;
    ok(($status & 127) == SIGABRT && $found,
        basename($program) . ' is found out') or diag(@lines);
}
