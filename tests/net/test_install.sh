#!/bin/sh
# meson install puts everything in its place, and ninja uninstall takes it away again; the manual and what shells
# complete know every option; and what protects the program against its mistakes is in the binary.
. "$(dirname "$0")/../lib.sh"
D=$T/root
b=$BUILD
meson install -C "$b" --no-rebuild --destdir "$D" >"$T/install.log" 2>&1 || cat "$T/install.log"
all() { (cd "$D" && find . ! -type d | sed 's|^\.||' | sort); }
prefix=$(meson introspect "$b" --buildoptions | jq -r '.[] | select(.name == "prefix") | .value')
is "what is installed" "$(all | tr '\n' ' ')" "$(sed "s|^PREFIX|$prefix|" <<TEXT | sort | tr '\n' ' '
PREFIX/etc/kadns.conf
PREFIX/sbin/kadns
PREFIX/sbin/kadns-mount
PREFIX/share/bash-completion/completions/kadns.bash
PREFIX/share/man/man5/kadns.conf.5
PREFIX/share/man/man7/kadns-files.7
PREFIX/share/man/man8/kadns-mount.8
PREFIX/share/man/man8/kadns.8
PREFIX/share/zsh/site-functions/_kadns
/usr/lib/systemd/system/kadns-mount.service
/usr/lib/systemd/system/kadns-mount.socket
/usr/lib/systemd/system/kadns.service
/usr/lib/sysusers.d/kadns.conf
/usr/lib/tmpfiles.d/kadns.conf
TEXT
)"
has "it runs" "$("$D$prefix/sbin/kadns" --version)" "kadns 0"
for page in kadns.8 kadns.conf.5 kadns-files.7 kadns-mount.8; do
	check "$page is a page of its section" sh -c "mandoc -Thtml '$D$prefix/share/man/man${page##*.}/$page' | grep -q 'id=\"NAME\"'"
done

# ---- what shells complete
words=$D$prefix/share/bash-completion/completions/kadns.bash
"$b/fs/kadns" --help | sed -n 's/^  \([a-z_]*\)\(=[^ ]*\)\{0,1\}  .*/\1\2/p' | sed 's/=.*/=/' | grep . | sort >"$T/options"
said() { # LINE: what bash offers, by blanks
	bash -c '. "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _kadns; printf "%s\n" "${COMPREPLY[@]}"' - "$words" "$1" |
		sort | tr '\n' ' ' | sed 's/ $//'
}
is "bash: every option" "$(said 'kadns -o ' | tr ' ' '\n' | grep -v '^no-' | tr '\n' ' ')" "$(tr '\n' ' ' <"$T/options")"
is "of a list, the last, as readline has it: behind =" "$(said 'kadns -o port=4001,tru')" "4001,trust= 4001,trust_anchor="
is "its values" "$(said 'kadns -o port=4001,trust=')" "guarded open strict"
is "the long form" "$(said 'kadns --trust=s')" "strict"
is "what it is asked" "$(said 'kadns as')" "ask"
is "types" "$(said 'kadns ask www.example.com AA')" "AAAA"
is "files" "$(cd "$T" && said 'kadns -o hosts=insta')" "install.log"
is "nothing for a secret" "$(said 'kadns key ')" ""
zsh=$D$prefix/share/zsh/site-functions/_kadns
check "zsh: it is a function" zsh -n "$zsh"
is "with every option" "$(sed -n "s/^	'\**\([a-z_]*\)\[.*/\1/p" "$zsh" | grep -v '^no-' | sort | tr '\n' ' ')" \
	"$(tr -d = <"$T/options" | tr '\n' ' ')"
# As a terminal has it.
cat >"$T/zpty" <<TEXT
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; unsetopt zle_bracketed_paste; fpath=($D$prefix/share/zsh/site-functions \\\$fpath); autoload -U compinit; compinit -u -D; setopt list_packed no_list_ambiguous; echo RE''ADY"
zpty -r z got '*READY*'
zpty -n -w z \$'kadns -o root_s\t'
zpty -r -m z got '*root_secrets=*' && echo found
zpty -d z
TEXT
has "zsh completes" "$(timeout 10 zsh -f "$T/zpty" 2>&1)" found

# ---- the service
units=$D/usr/lib/systemd/system
touch "$T/machine-id"
mkdir -p "$D/bin" "$D/usr/lib/systemd"
for part in kadns.service kadns-mount.service kadns-mount.socket; do
	# Where the executables are is of the machine, and there is none of ours on this one.
	sed "s|$prefix/sbin/|$D&|" "$units/$part" >"$T/$part"
done
is "the units are as systemd wants them" "$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no --recursive-errors=no \
	"$T/kadns.service" "$T/kadns-mount.service" "$T/kadns-mount.socket" 2>&1)" ""
exposure=$(systemd-analyze security --offline=yes --no-pager "$T/kadns.service" 2>&1 | sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p')
check "what the daemon could do is little (exposure $exposure, at most 2.0)" awk -v e="$exposure" 'BEGIN { exit !(e > 0 && e <= 2.0) }'
is "sysusers makes its user" "$(systemd-sysusers --dry-run --replace=/usr/lib/sysusers.d/kadns.conf "$D/usr/lib/sysusers.d/kadns.conf" 2>&1 | grep -c '^Creating user .kadns')" 2

# ---- the package; whole, on a clean Debian: tests/bench/package.sh
check "a tree with its debian/" sh "$TOP/fs/debian.sh" --tree "$T/tree"
for script in postinst prerm postrm; do
	check "$script is a script" sh -n "$T/tree/debian/$script"
done
is "of this version" "$(dpkg-parsechangelog -l "$T/tree/debian/changelog" -S Version)" "$("$b/fs/kadns" --version | sed 's/kadns //')"
is "it needs what is built with" "$(cd "$T/tree" && dpkg-checkbuilddeps 2>&1)" ""
if git -C "$TOP" ls-files >/dev/null 2>&1; then # a tree need not be a repository
	is "with all that is in git" "$(git -C "$TOP" ls-files | grep -c .)" \
		"$(find "$T/tree" -type f ! -path '*/tree/debian/*' | grep -c .)"
fi

# ---- uninstall: of what the install has written down
DESTDIR=$D ninja -C "$b" uninstall >"$T/uninstall.log" 2>&1 || cat "$T/uninstall.log"
is "uninstall leaves nothing" "$(all)" ""

# ---- hardening: asked for, taken by the compiler, and there
log=$b/meson-logs/meson-log.txt
for flag in -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero \
	-Wl,-z,relro -Wl,-z,now; do
	check "$flag: YES" grep -q -- "arguments $flag: .*YES" "$log"
done
header() { LC_ALL=C readelf -hlWdn "$1"; }
for program in kadns kadns-mount; do
	elf=$(header "$b/fs/$program")
	has "$program is position independent" "$elf" "DYN (Position-Independent Executable file)"
	has "its relocations are read-only" "$elf" GNU_RELRO
	has "and all done at the start" "$elf" BIND_NOW
	lacks "its stack is not executable" "$(echo "$elf" | grep GNU_STACK)" RWE
	lacks "no part can be written and executed" "$(echo "$elf" | grep LOAD)" RWE
	lacks "no path of libraries" "$elf" PATH
	lacks "no text is relocated" "$elf" TEXTREL
done
symbols=$(LC_ALL=C readelf -sW --dyn-syms "$b/fs/kadns")
has "the stack is guarded" "$symbols" __stack_chk_fail
for f in memcpy snprintf read; do
	has "$f is checked (FORTIFY)" "$symbols" "__${f}_chk"
done
# The C library's own start of Debian 12 is not marked, so the linker takes the mark off the whole.
if [ "$(uname -m)" = x86_64 ]; then
	unmarked=$(find "$b/dht" "$b/resolver" "$b/fs" -name '*.c.o' ! -path '*/embed.p/*' | while read -r o; do
		LC_ALL=C readelf -n "$o" | grep -q 'x86 feature: IBT, SHSTK' || echo "$o"
	done)
	is "every object is made for CET" "$unmarked" ""
fi
is "variables begin as zero, FORTIFY is 3, in every file" "$(jq -r '.[] | select(.file | test("/(dht|resolver|fs)/[a-z0-9_]*.c$")) |
	select((.command | contains("-ftrivial-auto-var-init=zero") and contains("-D_FORTIFY_SOURCE=3")) | not) | .file' \
	"$b/compile_commands.json")" ""
finish
