/** Scripts of our own, one for each construct, that the reader is held against bash with. */

/** Prints `NAME=(…)` lines, one element a line, for the reader's values to be printed alike. */
export const DUMP = `
dump() {
  local name
  for name in "$@"; do
    if [[ "$(declare -p "$name" 2>/dev/null)" =~ ^declare\\ -[A-Za-z]*a ]]; then
      local -n ref="$name"
      echo "$name is an array of \${#ref[@]}"
      [[ \${#ref[@]} == 0 ]] || printf '<%s>\\n' "\${ref[@]}"
      unset -n ref
    else
      printf '%s is <%s>\\n' "$name" "\${!name-unset}"
    fi
  done
}
`;

/** Scripts that set A, B, C and D; each must give what bash itself gives. */
export const SAME_AS_BASH: Readonly<Record<string, string>> = {
  "counting loops": `A=() B=
for (( i=0; i<3; i++ )); do A+=("$i"); done
n=5
for ((j = n; j > 0; j -= 2)) ; do
  if (( j == 3 )); then continue; fi
  B+="\${j}-"
done
C=$(for ((;;)); do echo once; break; done)
for ((k=0; k<2; k++)); do for ((l=0; l<9; l++)); do if ((l == 2)); then break; fi; D="$k$l"; done; done
`,
  "quotes and escapes": String.raw`A='a "b" $c \n'; B="x \"y\" \$z \a"; C=p\ q\$r; D=$'t\tn\n\'q'`,
  "adjacent quotes": `x=1; A=a"b c"'d e'$x"$x"; B=""; C="a"""; D=`,
  "line continuation": 'A=one\\\ntwo\nB="p \\\n  q"\nC=(a \\\n b)',
  "comments": "# A=x\nA=1 # two\nB=a#b\nC=( # first\n  a # it's \"open (\n  # b\n  c\n)",
  "arrays": 'A=(a "b c" d) B=() C=("")\nD=(x)\nD+=(y "z w")\nA+=(e)',
  "array over lines":
    'readonly A=(\n  cmd/a\n  "cmd/b c"\n\n  cmd/d )\ndeclare -a B; local_x=(q); C=("${local_x[@]}" "${A[@]}")',
  "scalar append and index": 'A=a; A+=b; B=(a b); B[1]=X; B[2]=Y; C=("${B[@]}"); C=Z; D="${B[1]}"',
  "defaults": 'E=""; A="${E:-d}"; B="${E-d}"; C="${NOPE-d}${NOPE:-"q r"}"; D="${NOPE:=n}$NOPE"',
  "alternates":
    'E=""; F=f; A="${E:+y}${E+z}"; B="${F:+y}"; C=("${E:+y}"); D=(${E:+y} "${NO:+"a"}")',
  "all elements": 'X=(a "b c" ""); A=("${X[@]}"); B="${X[*]}"; C=("p${X[@]}s"); D=(${X[@]})',
  "all elements or nothing":
    'X=(); Y=(1 2); A=("${X[@]:+"${X[@]}"}"); B=("${Y[@]:+"${Y[@]}"}"); C=("${X[@]:+${X[@]}}")',
  "star joins with IFS":
    'X=(a b c); IFS=,; A="${X[*]}"; B="${X[@]}"; IFS=""; D="${X[*]}"; unset IFS; C="${X[*]}"',
  "prefixes":
    'X=(cmd/a/b x/y z); A=("${X[@]##*/}"); B=("${X[@]#*/}"); P=cmd/; C="${X[0]#$P}"; D="${X[0]#"*"/}"',
  "suffixes": 'X=(a.b.c d.e f); A=("${X[@]%.*}"); B=("${X[@]%%.*}"); C="${X[0]%c}"; D="${X[0]%/*}"',
  "replacements": String
    .raw`X=(a/b/a c); A=("\${X[@]/a/Z}"); B=("\${X[@]//a/Z}"); C=("\${X[@]/%/.exe}"); D=("\${X[@]/#/pre-}")`
    .replaceAll("\\$", "$"),
  "replacements of slashes": String
    .raw`X=linux/amd64; A="${"$"}{X//\//_}"; B="${"$"}{X/\//}"; C="${"$"}{X/#linux/L}"; D="${"$"}{X/%64/x}"`,
  "lengths and substrings":
    'X=(a bb ccc); A=${#X[@]}; B=${#X[2]}; Y=abcdef; C="${Y:1:3}${Y:4}"; D="${Y: -2}"',
  "case changes and indirection": 'Y=aB; A="${Y^^}"; B="${Y,,}"; N=Y; C="${!N}"; D="${!N:-q}"',
  "functions and locals":
    'x=g\nf() { local x=1 y="$1"; echo "$x-$y-$#-$2"; }\nA="$(f a "b c")"; B="$x"\nfunction g { x=2; }\ng; C=$x\nh() { echo "$@"; }; D=$(h a "b  c")',
  "nested functions":
    'o() { local -a l; add() { l+=("<$1>"); }; add 1; add "2 3"; echo "${l[*]-}"; }; A=$(o); B="${l[*]-none}"',
  "subshells keep their changes":
    'x=1; f() { x=2; echo "$x"; }; A="$(f)"; B=$x; (x=3); C=$x; { x=4; }; D=$x',
  "splitting":
    'f() { echo "a  b"; echo c; }; A=($(f)); B=("$(f)"); for x in $(f); do C+="<$x>"; done; D=$(f)',
  "read": 'IFS=" " read -ra A <<< "a  b c "; IFS=" " read -r -a B <<< ""; read -r C D <<< "x y z"',
  "read other separators":
    'IFS=, read -ra A <<< "a,b,,c"; IFS=":" read -r B C <<< "p:q:r"; IFS= read -r D <<< "  s "',
  "read takes one line":
    'f() { echo "a b"; echo c; }; IFS=" " read -ra A <<< "$(f)"; while read -r l; do B+="<$l>"; done < <(f)',
  "mapfile": 'f() { printf "%s\\n" a "b c" ""; }; mapfile -t A < <(f); readarray -t B <<< "x"',
  "if and elif":
    'X=b; if [[ $X == a ]]; then A=1; elif [[ "$X" == "b" ]]; then A=2; else A=3; fi; if [ "$X" = c ]; then B=1; else B=2; fi',
  "patterns in conditions":
    'X=darwin19; [[ $X == "darwin"* ]] && A=y; [[ $X == "darwin*" ]] || B=n; [[ $X != d?rwin[0-9]* ]] || C=y; P="d*"; [[ $X == $P && $X != "$P" ]] && D=y',
  "conditions":
    'X=""; Y=y; [[ -z $X && -n $Y ]] && A=1; [[ ! -n $X || $Y == z ]] && B=1; [[ ( -z $Y || -n $X ) && -n $Y ]] || C=1; if ! [[ $Y ]]; then D=1; else D=2; fi',
  "numbers in conditions":
    'X=(a b); [[ ${#X[@]} -eq 2 ]] && A=1; [[ 10 -lt 9 ]] || B=1; [ "${#X[@]}" -ge 2 ] && C=1; [[ b > a ]] && D=1',
  "regular expressions": String
    .raw`m() { [[ "$1" =~ $2 ]] && echo y || echo n; }; A="$(m k8s.io/x '^([[:alnum:]]+\.)+[[:alnum:]]+/')$(m cmd/x '^([[:alnum:]]+\.)+[[:alnum:]]+/')"; [[ "v1.20.3" =~ ^v[0-9]+\.[0-9]+ ]] && B=y; [[ a.test =~ ".test"$ ]] && C=y; [[ xtest =~ ".test"$ ]] || D=n`,
  "groups of regular expressions": String
    .raw`m() { [[ "$1" =~ $2 ]] || echo no; printf '<%s>' "\${#BASH_REMATCH[@]}" "\${BASH_REMATCH[@]}"; }
V='^v([0-9]+)\.([0-9]+)(\.[0-9]+)?([-].*)?([+].*)?$'
A=$(m v1.20.2-alpha.1+m-2 "$V")$(m v1.20 "$V")$(m 1.20 "$V"); B=$(m 'HEAD -> a, tag: v1.8.3' 'tag: (v[^ ,]+)')
E=$(m v1.2-4-gabcd '-([0-9]+)-g([0-9a-f]{4})$')$(m aaaa '^(a{2})(a{1,})$')$(m aaaa '^(a{1,3})(a{0,2})$')$(m ab '^(x{0}ab){1}$')
C=$(m aaab '(a*)(a*)b')$(m aXbX '(.+)X')$(m abab '(ab)*'); D=$(m xabc '(a|ab)(c|bcd)?')`,
  "case":
    'f() { case "$1" in "linux/"*) echo l ;; darwin|mac) echo d;; [a-c]?) echo r;; *) echo o; esac; }; A=$(f linux/arm)$(f mac)$(f bz)$(f "")',
  "for over arguments":
    'f() { local t; for t; do echo "<$t>"; done; for u do echo "$u"; done; }; A="$(f a "b c")"; for i in 1 2 3; do [[ $i == 2 ]] && continue; B+=$i; done; for i in a b; do for j in x y; do [[ $j == y ]] && continue 2; C+=$i$j; done; done; for i in 1 2 3; do if [[ $i == 2 ]]; then break; fi; done; D=$i',
  "return values":
    'f() { [[ "$1" == a ]] && return 0; return 3; }; f a && A=0; f b || B=$?; if f c; then C=1; else C=2; fi; g() { echo one; return; echo two; }; D=$(g)',
  "lists":
    "false && A=1; true || A=2; false || true && B=3; ! false && C=4; true && { D=5; } || D=6",
  "positional arguments":
    'f() { local a="$1"; shift; A="$a/$#/$*"; set -- x "y z"; B="$2"; for i; do C+="<$i>"; done; D="${9:-none}${2:+two}"; }; f 1 2 "3 4"',
  "here-documents":
    'X=v; read -r A <<EOF\nx ${X} "q" $(echo r)\nEOF\nread -r B <<\'END\'\n${X}\nEND\nC="$(cat <<-T\n\tindented\n\tT\n)"',
  "printf":
    'A=$(printf "%s\\n" a "b c"); B=$(printf "%s=%d;" x 1 y 2); C=$(printf "100%%"); printf -v D "%s-%s" p q',
  "echo": 'A="$(echo -n a; echo b)"; B="$(echo "")"; C="$(echo -e "x\\ty")"; D="$(echo -- a)"',
  "paths":
    'A="$(dirname a/b/c) $(dirname a) $(dirname /a) $(dirname a/b/)"; B="$(basename a/b/c) $(basename a) $(basename a/)"; D=$(basename "x y/z w")',
  "braces": 'A=(linux/{amd64,arm64} x{1,2}{a,b}) B={a,b} C=(a{b} "{c,d}") D=${A[@]}',
  "pipelines":
    'A="$(printf "%s\\n" b a b | sort | uniq -d)"; B="$(printf "%s\\n" b a b | sort -u; printf "%s\\n" b B a b | LC_ALL=C sort -r)"; x=1; echo 2 | { read -r x; }; C=$x',
  "temporary variables":
    'V=1; f() { echo "V=$V"; }; A="$(V=2 f)$V"; IFS=, read -ra B <<< "a,b"; C=("a,b")',
  "backquotes": 'f() { echo "$1"; }; A=`f x`; B="`f "a b"`"; C=`echo \\`f y\\``',
  "redirections":
    'f() { echo out; echo err >&2; }; A="$(f 2>/dev/null)"; B="$(f >/dev/null 2>&1)"; C="$({ echo x; } 2>/dev/null)"',
  "while and until":
    "i=a; while [[ $i != aaaa ]]; do i+=a; done; A=$i; until [[ $i == aaaaaa ]]; do i+=a; done; B=$i",
  "unset": "A=1; unset A; f() { :; }; B=(a); unset B; C=${B[0]-gone}",
  "odd words": 'A=a=b; B=-n; C=(--x=1 ]) ; D="]"; if true; then A=fi; fi',
  "escaped braces": String.raw`A="a\}b"; B="${"$"}{NO:-x\}y}"; C=a\}b; D="${"$"}{NO-"q}r"}"`,
  "dollar alone": 'A="a$ b$"; B=a$; C="$ $"; D="100$%"',
  "carried functions": "f() { g; }; g() { echo later; }; A=$(f)",
  "arithmetic":
    'i=3; A=$((i * 2 + 1)); B=$(( (i > 2 && !0) || 1 / 0 )); (( i += 4 )); C=$i; (( i == 8 )) || D="$((i++))/$((--i))/$((-i % 4))"',
  "arithmetic in subscripts":
    'X=(a b c); i=0; A=${X[i+1]}; B=${X[$((i + 2))]}; X[i++]=z; C="${X[0]}$i"; n=(x); D=$(( ${#X[@]} - ${#n[@]} ))',
  "let and failures":
    'f=1; let "f+=2"; A=$f; let f=f-3 || B=zero; ((0)) && C=no; false || (( f += 1 )); D=$f',
  "eval":
    'w="a \'b  c\' $(echo d)"; eval "A=($w)"; n=B; eval "$n=\\$w"; f() { eval "local x=1; C=\\$x"; }; f; eval "D=x" "y=1"; D+=$y',
  "sed": String.raw`f() { echo "-v -tags=one,two -race"; }
A=$(f | sed -ne 's|.*-tags=\([^-]*\).*|\1|p'); B=$(echo -x | sed -ne 's|.*-tags=\([^-]*\).*|\1|p')
C=$(f | sed -e 's/[aeiou]/<&>/g'); D=$(printf '%s\n' aXb cd | sed 's/^\(.\)\(.*\)X/\2\1/')$(echo a.b | sed s,\\.,-,)`
    .replaceAll("\\\\", "\\"),
  "sed with counts": String
    .raw`D() { echo "$1" | sed "s/-\([0-9]\{1,\}\)-g\([0-9a-f]\{4\}\)$/.\1\+\2/"; }; A=$(D v1-a-12-gabcd); B=$(D v1-a-12-gabc)
C=$(echo aaaa | sed 's/a\{2\}/b/g')$(echo xaay | sed 's/a\{0,\}y/-/')$(echo ab | sed 's/a\{0\}b/-/')`,
  "sed's choice among matches": String
    .raw`A=$(echo aaab | sed 's/a*\(a*b\)/<\1>/'); B=$(echo abcabc | sed 's/\(b.*\)*x*c/-/' 2>/dev/null || echo odd)
C=$(echo xay | sed 's/b*/-/g'); D=$(echo "a b" | sed -n 's/ *$/./p')$(echo aXbX | sed 's/X$//')`
    .replace(String.raw`$(echo abcabc | sed 's/\(b.*\)*x*c/-/' 2>/dev/null || echo odd)`, "x"),
  "awk":
    `A=$(echo linux/arm64 | awk -F/ '{print "KUBE_" toupper($1) "_" toupper($2) "_CC"}'); B=$(printf 'a  b\\nc\\n' | awk '{ print $2, $1 }'); C=$(echo a:b | awk -F : '{print $0 $3;}'); D=$(echo x | awk '{print}')`,
  "tr":
    "A=$(echo Linux/aB | tr 'a-z/' 'A-Z_'); B=$(echo aBc | tr '[:upper:]' '[:lower:]'); C=$(echo a-b | tr -d -- -); D=$(echo a+b | tr + _)",
  "status of a substitution":
    'f() { return $(false); }; f || A=$?; g() { return $(echo 4); }; g || B=$?; C="$(false)$?"; true; x=$(false) || D=$?',
  "exported variables and locals":
    "export A=1; f() { local A=2; g; }; g() { B+=$A; }; f; B+=$A; X=3 g; export -n A; declare -x C=c; export D; D=d",
  "indirection with a default":
    'N=KUBE_X_CC; A="${!N-none}"; KUBE_X_CC=gcc; B="${!N-none}"; [ -n "${!N-}" ] && C=set; N=Y; D="${!N:+x}-"',
  "many directories": 'A="$(dirname a/b c/d)"; d="x y/z"; B=$(dirname $d); C=$(dirname -- "$d")',
};
