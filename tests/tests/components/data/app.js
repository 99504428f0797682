export const run = {
    run() {
        let sum = 0;
        for (let n = 0; n < 1000; n++) sum += n * n;
        console.log("javascript", JSON.stringify({ a: [1, 2.5, null] }), sum);
    },
};
