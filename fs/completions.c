/* Writes what bash or zsh completes of a command line of kadns, from the table of options: run when
 * kadns is built, never installed. */
#include <stdio.h>
#include <string.h>

#include "fs/options.h"

/* Of a value: words to choose from stand in the table with bars between them; else what it is. */
static bool is_choice(const char *value)
{
	return strchr(value, '|') != NULL;
}

static bool is_file(const char *value)
{
	return strcmp(value, "FILE") == 0 || strcmp(value, "DIR") == 0;
}

static void put_words(const char *value, const char *before, const char *after)
{
	size_t len;
	for (; *value; value += len + (value[len] == '|')) {
		len = strcspn(value, "|");
		printf("%s%.*s%s", before, (int)len, value, after);
	}
}

/* ---- bash ---- */

static void put_bash(void)
{
	puts("# bash completion for kadns(8), made from its table of options.\n"
	     "_kadns_option() { # BEGINNING: options that go on from it, with their values\n"
	     "\tlocal value=${1#*=} IFS=$' \\t\\n'\n"
	     "\tcase $1 in");
	for (size_t i = 0; i < OPTIONS_LEN; i++) {
		const struct option *o = &config_options[i];
		if (!o->value)
			continue;
		if (is_choice(o->value)) {
			printf("\t%s=*) compgen -P %s= -W '", o->name, o->name);
			put_words(o->value, "", " ");
			puts("' -- \"$value\" ;;");
		} else if (is_file(o->value)) {
			printf("\t%s=*) compgen -P %s= -%c -- \"$value\" ;;\n", o->name, o->name,
				o->value[0] == 'D' ? 'd' : 'f');
		}
	}
	fputs("\t*=*) ;;\n\t*) compgen -W '", stdout);
	for (size_t i = 0; i < OPTIONS_LEN; i++)
		printf("%s%s ", config_options[i].name, config_options[i].value ? "=" : "");
	puts("' -- \"$1\" ;;\n"
	     "\tesac\n"
	     "}\n"
	     "_kadns() {\n"
	     "\tlocal line=${COMP_LINE:0:COMP_POINT} words first last previous head= IFS=$'\\n'\n"
	     "\tlast=${line##*[[:space:]]}\n"
	     "\tread -r -d '' -a words <<<\"${line// /$'\\n'}\"\n"
	     "\tfirst=${words[1]-}\n"
	     "\tprevious=${line%\"$last\"}\n"
	     "\tprevious=${previous%\"${previous##*[![:space:]]}\"}\n"
	     "\tprevious=${previous##*[[:space:]]}\n"
	     "\tCOMPREPLY=()\n"
	     "\tcase $first in\n"
	     "\task) COMPREPLY=($(compgen -W $'--via\\n--tls\\n--port\\n--short\\n--dns\\n--explain\\n--"
	     "require\\nA\\nAAAA\\nCNAME\\nMX\\nNS\\nPTR\\nSOA\\nSRV\\nTXT\\nHTTPS\\nSVCB\\nCAA\\nTLSA' -- "
	     "\"$last\")) ;;\n"
	     "\tpublish | withdraw) COMPREPLY=($(compgen -W $'--port\\nA\\nAAAA\\nCNAME\\nMX\\nSRV\\nTXT' "
	     "-- \"$last\")) ;;\n"
	     "\tkey) ;;\n"
	     "\t*)\n"
	     "\t\tcase $previous:$last in\n"
	     "\t\t-o:*)\n"
	     "\t\t\thead=${last%\"${last##*,}\"}\n"
	     "\t\t\tCOMPREPLY=($(_kadns_option \"${last##*,}\")) ;;\n"
	     "\t\t*:--*)\n"
	     "\t\t\thead=--\n"
	     "\t\t\tCOMPREPLY=($(_kadns_option \"${last#--}\"))\n"
	     "\t\t\tCOMPREPLY+=($(compgen -W $'help\\nversion' -- \"${last#--}\")) ;;\n"
	     "\t\t*:-*) COMPREPLY=($(compgen -W $'-o\\n-c\\n-f\\n-d\\n-n\\n-h\\n-V' -- \"$last\")) ;;\n"
	     "\t\t-c:*) COMPREPLY=($(compgen -f -- \"$last\")) ;;\n"
	     "\t\t*)\n"
	     "\t\t\tCOMPREPLY=($(compgen -W $'none\\nmainline' -- \"$last\") $(compgen -f -- \"$last\"))\n"
	     "\t\t\t[ \"$first\" != \"$last\" ] ||\n"
	     "\t\t\t\tCOMPREPLY+=($(compgen -W $'ask\\npublish\\nwithdraw\\nkey' -- \"$last\")) ;;\n"
	     "\t\tesac ;;\n"
	     "\tesac\n"
	     "\tCOMPREPLY=(\"${COMPREPLY[@]/#/$head}\")\n"
	     "\t# readline replaces what stands behind the last of these only.\n"
	     "\thead=${last%\"${last##*[=:@]}\"}\n"
	     "\tCOMPREPLY=(\"${COMPREPLY[@]#\"$head\"}\")\n"
	     "\tcase ${COMPREPLY[*]} in *=) compopt -o nospace 2>/dev/null ;; esac\n"
	     "\treturn 0\n"
	     "}\n"
	     "complete -o filenames -F _kadns kadns");
}

/* ---- zsh ---- */

/* Within single quotes and brackets. */
static void put_quoted(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr("[]:\\", *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void put_zsh_option(const struct option *o)
{
	printf("\t'%s%s[", o->repeatable ? "*" : "", o->name);
	put_quoted(o->help ? o->help : "the same as =off");
	putchar(']');
	if (o->value) {
		putchar(':');
		put_quoted(is_choice(o->value) ? o->name : o->value);
		putchar(':');
		if (is_choice(o->value)) {
			putchar('(');
			put_words(o->value, "", " ");
			putchar(')');
		} else if (is_file(o->value)) {
			fputs(o->value[0] == 'D' ? "_directories" : "_files", stdout);
		}
	}
	puts("'");
}

static void put_zsh(void)
{
	puts("#compdef kadns\n"
	     "# zsh completion for kadns(8), made from its table of options.\n"
	     "local -a options\n"
	     "options=(");
	for (size_t i = 0; i < OPTIONS_LEN; i++)
		put_zsh_option(&config_options[i]);
	puts(")\n"
	     "case $words[2] in\n"
	     "ask) _arguments '*:type:(--via --tls --port --short --dns --explain --require A AAAA CNAME "
	     "MX NS PTR SOA SRV TXT HTTPS SVCB CAA TLSA)' ;;\n"
	     "publish|withdraw) _arguments '*:type:(--port A AAAA CNAME MX SRV TXT)' ;;\n"
	     "key) _message 'a secret on standard input' ;;\n"
	     "*)\n"
	     "\tif [[ $PREFIX == --* ]]; then\n"
	     "\t\tcompset -P --\n"
	     "\t\t_values option $options 'help[list the options]' 'version[say the version]'\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\t_arguments '*-o[options]:option:_values -s , option $options' '-c[options from a "
	     "file]:file:_files' \\\n"
	     "\t\t'-f[stay in the foreground]' '-d[say more, in the foreground]' '-n[check the "
	     "configuration]' \\\n"
	     "\t\t'(- *)-h[list the options]' '(- *)-V[say the version]' \\\n"
	     "\t\t'1:source:_alternative \"words:source:(none mainline ask publish withdraw key)\" "
	     "\"files:file of nodes:_files\"' \\\n"
	     "\t\t'2:mountpoint:_directories'\n"
	     "\t;;\n"
	     "esac");
}

int main(int argc, char **argv)
{
	bool zsh = argc == 2 && strcmp(argv[1], "zsh") == 0;
	if (!zsh && (argc != 2 || strcmp(argv[1], "bash") != 0))
		return 1;
	if (zsh)
		put_zsh();
	else
		put_bash();
	return fflush(stdout) ? 1 : 0;
}
