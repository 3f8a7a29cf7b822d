# bash completion of hx-audit, hx-engine, hx-gate-check and hx-gate-registry.
# It needs nothing of the package bash-completion, and runs none of them.

# _hx_words WORD...: those that begin with what is being typed.
_hx_words() {
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_hx_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_hx_dirs() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}

_hx_audit() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local which="--tenant --status --since --until --namespace --path
        --request-id --outcome"

    if [ "$COMP_CWORD" = 1 ]; then
        _hx_words verify filter follow stats replay help --help --version
        return
    fi

    case $prev in
    --key) _hx_files; return ;;
    --registry) _hx_dirs; return ;;
    --by) _hx_words tenant namespace operation path; return ;;
    --status) _hx_words 2xx 3xx 4xx 5xx; return ;;
    --node|--tenant|--since|--until|--namespace|--path|--request-id|\
    --outcome|--plan|--default-rate) COMPREPLY=(); return ;;
    esac

    if [[ $cur != -* ]]; then
        _hx_files
        return
    fi

    case ${COMP_WORDS[1]} in
    verify) _hx_words --key --node --live --json --quiet --progress --help ;;
    filter) _hx_words "$which" --checkpoints --count --help ;;
    follow) _hx_words "$which" --checkpoints --from-start --help ;;
    stats) _hx_words "$which" --by --json --help ;;
    replay) _hx_words --registry --plan --default-rate --no-rate --no-quota \
                --json --help ;;
    *) COMPREPLY=() ;;
    esac
}

_hx_engine() {
    local cur=${COMP_WORDS[COMP_CWORD]}

    if [ "$COMP_CWORD" = 1 ]; then
        _hx_words backup check restore help version --help --version
    elif [ "$COMP_CWORD" = 2 ] && [ "${COMP_WORDS[1]}" != help ] &&
         [ "${COMP_WORDS[1]}" != version ]; then
        _hx_dirs
    else
        COMPREPLY=()
    fi
}

_hx_gate_check() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local checks="service-key gate engine-auth tls engine-tls ports audit
        audit-shipped cors stripe log-level rate-limit key-age images updates"

    case $prev in
    --nginx|--conf|--pid|--dump|--env-file|--images|--shipper) _hx_files ;;
    --prefix|--proc|--apt-lists) _hx_dirs ;;
    --only|--skip)
        # behind a comma the next one
        local before=
        [[ $cur != *,* ]] || before=${cur%,*},
        cur=${cur##*,}
        _hx_words "$checks"
        COMPREPLY=("${COMPREPLY[@]/#/$before}") ;;
    --max-key-age|--max-rate|--engine-pid|--timeout) COMPREPLY=() ;;
    *)
        _hx_words --nginx --conf --prefix --pid --dump --env-file --own-env \
            --only --skip --max-key-age --max-rate --images --shipper \
            --engine-pid --timeout --proc --apt-lists --json --list --help \
            --version ;;
    esac
}

_hx_gate_registry() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local i command=

    case $prev in
    --tmp) _hx_dirs; return ;;
    --map-size) COMPREPLY=(); return ;;
    esac

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        copy|compare|export|import|usage) command=${COMP_WORDS[i]} ;;
        esac
    done

    if [[ $cur = -* ]]; then
        _hx_words --replace --progress --quiet --map-size --tmp --help \
            --version
    elif [ -z "$command" ]; then
        _hx_words copy compare export import usage
    elif [ "$prev" = "$command" ]; then
        compopt -o nospace 2>/dev/null
        _hx_words lmdb: redis:// rediss:// redis+sentinel:// \
            rediss+sentinel:// redis+cluster:// rediss+cluster://
    else
        _hx_files
    fi
}

complete -F _hx_audit hx-audit
complete -F _hx_engine hx-engine
complete -F _hx_gate_check hx-gate-check
complete -F _hx_gate_registry hx-gate-registry
