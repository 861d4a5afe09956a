package driver

// terminalBoot is execBoot for a terminal, which would show the program and cut its long lines: it is made raw first, and says so with the mark
// that is its argument. What a terminal is at its beginning is in $__orchestra_tty. Where the connection breaks before the driver has heard of
// it, it ends by itself, as a terminal that nobody holds any more is not told so.
const terminalBoot = `__orchestra_tty=$("$0" stty -g) && "$0" stty raw -echo || exit 125
printf "$1 at %d\n" "$$"
read -r -t 60 __orchestra || exit 125
eval "$("$0" dd bs="$__orchestra" count=1 iflag=fullblock 2>/dev/null)"`

// terminalProgram runs a command in the foreground of the terminal and says how it ended, as execProgram does. Signals of the keyboard are the
// command's: a trap, unlike an ignored signal, is not handed on. If the connection breaks the driver kills the first process, which leads the
// terminal's session, and the kernel hangs up on what is in the foreground.
const terminalProgram = `__orchestra() {
%[2]sexec 9>&2 2>/dev/null
trap : INT QUIT
"$0" stty "$__orchestra_tty"
printf '%[1]s begin\n'
` + execCommand + `__orchestra=$?
"$0" stty raw -echo
printf '%[1]s end %%d\n' "$__orchestra"
while read -r __orchestra; do
  case $__orchestra in
  *bye) exit 0 ;;
  esac
done
}
__orchestra
`
