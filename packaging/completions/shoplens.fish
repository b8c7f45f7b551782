# SPDX-License-Identifier: Apache-2.0
# Tab in fish: what `shoplens --complete` offers. Installed as share/fish/vendor_completions.d/shoplens.fish.
function __shoplens_complete
    set -l words (commandline -opc)
    set -l begun (commandline -ct)
    for line in ($words[1] --complete $words[2..] "$begun" 2>/dev/null)
        if test "$line" = :files
            set -l parts (string split -m 1 = -- "$begun") # --flag=FILE
            set -l before (string join = -- $parts[1..-2] "")
            for path in (__fish_complete_path "$parts[-1]")
                echo "$before$path"
            end
        else
            echo $line
        end
    end
end
complete -c shoplens -f -a '(__shoplens_complete)'
