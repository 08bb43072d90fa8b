module thalweg.example/compat/contract

go 1.26
