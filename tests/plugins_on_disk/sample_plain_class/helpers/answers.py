ANSWER = "from a package-relative import"
